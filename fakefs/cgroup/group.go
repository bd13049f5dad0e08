package cgroup

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A Group is one directory of a hierarchy.
type Group struct {
	h        *Hierarchy
	parent   *Group
	name     string
	children map[string]*Group
	files    []*File
	ino      uint64
	made     time.Time
	gone     bool

	attribute Attributes
	notify    bool // notify_on_release
	clone     bool // cgroup.clone_children
	agent     string
	state     map[string]any // each controller's own, of those that are enabled here
	used      usage

	// Of the unified hierarchy: which controllers groups below have, whether it
	// holds threads, whether it is told to freeze, how deep and how many may stand below.
	control            []*kind
	threaded           bool
	freeze             bool
	maxDepth, maxBelow int64
}

// Attributes are what chmod(2) and chown(2) can change.
type Attributes struct {
	Mode     uint32 // permission bits, with setuid, setgid and sticky
	UID, GID uint32
}

// A Stat is what stat(2) tells of a group or a file.
type Stat struct {
	Attributes
	Ino   uint64
	Links uint32
	Made  time.Time
}

// Stat describes the directory; it has a link for each one in it.
func (g *Group) Stat() Stat {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	return Stat{Attributes: g.attribute, Ino: g.ino, Links: uint32(2 + len(g.children)), Made: g.made}
}

// Path is the group's name as /proc/PID/cgroup gives it.
func (g *Group) Path() string {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	return g.path()
}

func (g *Group) path() string {
	if g.parent == nil {
		return "/"
	}
	return strings.TrimSuffix(g.parent.path(), "/") + "/" + g.name
}

// Gone tells that the group was removed: its files give ENODEV.
func (g *Group) Gone() bool {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	return g.gone
}

// Names lists what stands in the directory.
func (g *Group) Names() (groups []*Group, files []*File) {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	if g.gone {
		return nil, nil
	}
	for _, child := range g.children {
		groups = append(groups, child)
	}
	slices.SortFunc(groups, func(a, b *Group) int { return strings.Compare(a.name, b.name) })
	return groups, g.files
}

// Name is the last component of its name; Name of the root is "".
func (g *Group) Name() string { return g.name }

func (g *Group) file(name string) *File {
	for _, f := range g.files {
		if f.spec.name == name {
			return f
		}
	}
	return nil
}

// Has tells whether there is anything of that name in the directory.
func (g *Group) Has(name string) bool {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	return g.children[name] != nil || g.file(name) != nil
}

// Make makes a group (cgroup_mkdir in kernel/cgroup/cgroup.c): its files are
// there at once, and are its maker's.
func (g *Group) Make(name string, mode uint32, who Caller) error {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	switch {
	case g.gone:
		return unix.ENOENT
	case g.children[name] != nil || g.file(name) != nil:
		return unix.EEXIST
	case strings.Contains(name, "\n"):
		return unix.EINVAL
	case g.h.groups >= maxGroups:
		return unix.ENOSPC
	case g.h.Unified() && !g.hasRoom():
		return unix.EAGAIN
	}
	g.children[name] = g.h.newGroup(g, name, mode&0o1777, who.UID, who.GID)
	return nil
}

// maxGroups bounds what programs can make a supervisor keep of one hierarchy;
// the kernel's own bound is that of its ids (MEM_CGROUP_ID_MAX).
const maxGroups = 1<<16 - 1

// Remove removes a group in which there is neither a group nor a living
// process (cgroup_destroy_locked).
func (g *Group) Remove(name string) error {
	hs := g.h.of
	hs.mu.Lock()
	defer hs.mu.Unlock()
	child := g.children[name]
	switch {
	case child == nil && g.file(name) != nil:
		return unix.ENOTDIR
	case child == nil:
		return unix.ENOENT
	case len(child.children) > 0:
		return unix.EBUSY
	}
	if err := hs.refresh(0); err != nil {
		return err
	}
	if hs.members.any(child) {
		return unix.EBUSY
	}
	hs.members.leave(child)
	delete(g.children, name)
	child.gone = true
	g.h.groups--
	hs.tell()
	return nil
}

// Rename gives a group another name in the same directory, which only the
// first version of cgroups allows (cgroup1_rename; kernfs_iop_rename says EPERM
// for the other).
func (g *Group) Rename(name string, into *Group, as string) error {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	child := g.children[name]
	switch {
	case g.h.Unified() && child == nil && g.file(name) == nil:
		return unix.ENOENT
	case g.h.Unified() && (into != g || as != name):
		return unix.EPERM
	case child == nil && g.file(name) != nil:
		return unix.ENOTDIR
	case child == nil:
		return unix.ENOENT
	case strings.Contains(as, "\n"):
		return unix.EINVAL
	case into != g:
		return unix.EIO
	case as == name:
		return nil
	case g.children[as] != nil || g.file(as) != nil:
		return unix.EEXIST
	}
	delete(g.children, name)
	child.name = as
	g.children[as] = child
	return nil
}

// Change sets the directory's attributes.
func (g *Group) Change(change func(*Attributes)) {
	g.h.of.mu.Lock()
	defer g.h.of.mu.Unlock()
	change(&g.attribute)
}

// within tells whether g is above or below it, or above itself.
func (g *Group) within(above *Group) bool {
	for ; g != nil; g = g.parent {
		if g == above {
			return true
		}
	}
	return false
}
