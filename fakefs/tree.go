package fakefs

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Entry is one name in a served directory.
type Entry struct {
	Name string
	Node *Node
}

// Machine is what a tree asks of the real machine on its own account, not on a
// reader's: the supervisor implements it.
type Machine interface {
	// Mountinfo is the supervisor's own /proc/self/mountinfo, as the kernel says it.
	Mountinfo() ([]byte, error)
}

// Prober is a machine that can be asked for what it lacks, by the names of probes.
type Prober interface {
	Lacks(probe string) bool
}

// Tree is everything that a profile serves, ready to be asked.
// It is safe for concurrent use.
type Tree struct {
	profile  *Profile
	plain    index
	fill     *fill // nil where "*" does not serve all sysctls
	patterns patterns
	mounts   *lies
	devices  *blockDevices // nil where no filesystem is lied about
	kmsg     *Kmsg
	cgroups  *cgroups             // nil where none is served
	uname    map[string]*variable // by path below /proc/sys

	namesHosts bool
}

// Profile is what the tree was built from: the shim takes from it what is not
// a file.
func (t *Tree) Profile() *Profile { return t.profile }

// Kmsg is the kernel log that nodes with the stream "kmsg" share.
func (t *Tree) Kmsg() *Kmsg { return t.kmsg }

// Controllers are the cgroup controllers that are served here.
func (t *Tree) Controllers() []string {
	if t.cgroups == nil {
		return nil
	}
	return t.cgroups.Controllers()
}

// GroupsAt tells which served hierarchy a name is in, and where that is mounted; "" for none.
func (t *Tree) GroupsAt(name string) (point string, hierarchy int) {
	if t.cgroups == nil || !isWithin(name, t.cgroups.root) {
		return "", 0
	}
	for i, on := range t.cgroups.mounts {
		if isWithin(name, on.Point) {
			return on.Point, i
		}
	}
	return "", 0
}

// Cgroups are the served hierarchies, nil where there are none.
func (t *Tree) Cgroups() *cgroup.Hierarchies {
	if t.cgroups == nil {
		return nil
	}
	return t.cgroups.Hierarchies
}

// Filesystem is the lie about filesystems whose statfs(2) f_type is magic, nil
// where the truth is told.
func (t *Tree) Filesystem(magic int64) *FilesystemLie { return t.mounts.byMagic[magic] }

// Find is [Tree.Lookup] for a name that stands in a buffer. Nodes keep their names,
// and a buffer is written over by the next call: so that no node can keep a part of
// one, a name that may be served is copied first. Neither a miss nor a plain name
// allocates.
func (t *Tree) Find(name []byte) *Node {
	if t.cgroups == nil {
		if node := t.plain.nodes[string(name)]; node != nil {
			return node
		}
	}
	if !t.may(name) {
		return nil
	}
	return t.Lookup(string(name))
}

// may tells whether a name may be served; if it is, the answer is true.
func (t *Tree) may(name []byte) bool {
	switch {
	case t.plain.nodes[string(name)] != nil,
		t.cgroups != nil && bytes.HasPrefix(name, []byte(t.cgroups.root)),
		t.fill != nil && bytes.HasPrefix(name, []byte("/proc")) && (len(name) == len("/proc") || bytes.HasPrefix(name, []byte(sysctlRoot))),
		len(name) > 1 && t.patterns.may(name):
		return true
	}
	return t.devices != nil && t.devices.concerns(name)
}

// Lookup returns the node that is served under name (absolute, clean), or nil.
//
// A name that only a pattern serves ([Node.Pattern]) exists only where its
// directory really does; the caller has to ask the kernel for that.
func (t *Tree) Lookup(name string) *Node {
	if t.cgroups != nil {
		if node := t.cgroups.lookup(name); node != nil {
			return node
		}
	}
	if node := t.plain.nodes[name]; node != nil {
		return node
	}
	if len(name) < 2 {
		return nil
	}
	if t.fill != nil {
		if node := t.fill.lookup(name); node != nil {
			return node
		}
	}
	if p := t.patterns.find(name); p != nil {
		return p.make(name)
	}
	if t.devices != nil {
		return t.devices.lookup(name)
	}
	return nil
}

// Children lists the names that the tree serves directly below a directory,
// sorted by name. Names from patterns are included where the pattern's last
// component is plain, but for nodes that are [Node.WhenPresent]: the real
// directory has those, or they do not exist. The slice may be shared; it must
// not be changed.
func (t *Tree) Children(dir string) []Entry {
	entries := t.plain.children[dir]
	if t.fill != nil && (dir == "/" || sysctlFolders()[dir]) {
		entries = t.fill.children()[dir]
	}
	shared := true
	if t.cgroups != nil {
		if own, ok := t.cgroups.children(dir); ok {
			return own
		}
	}
	add := func(e Entry) {
		at, there := slices.BinarySearchFunc(entries, e, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
		if there {
			return
		}
		if shared {
			entries, shared = slices.Clone(entries), false
		}
		entries = slices.Insert(entries, at, e)
	}
	if t.devices != nil {
		for _, e := range t.devices.children(dir) {
			add(e)
		}
	}
	t.patterns.in(dir, func(last string, p *pattern) {
		if node := p.make(strings.TrimSuffix(dir, "/") + "/" + last); !node.WhenPresent {
			add(Entry{Name: last, Node: node})
		}
	})
	return entries
}

// Nodes lists all nodes with plain names, without implied directories, sorted
// by name; patterns appear as nodes whose Name is the pattern.
func (t *Tree) Nodes() []*Node {
	nodes := t.Named()
	if t.fill != nil {
		nodes = slices.AppendSeq(nodes, t.fill.all)
	}
	slices.SortFunc(nodes, func(a, b *Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}

// Named lists the same without the sysctls that are only there because the
// profile serves all, and in no order. Those are regular files below /proc/sys,
// and [Node.WhenMissing].
func (t *Tree) Named() []*Node {
	var nodes []*Node
	for _, node := range t.plain.nodes {
		if !node.Implied {
			nodes = append(nodes, node)
		}
	}
	for _, ps := range t.patterns.byRoot {
		for _, p := range ps {
			nodes = append(nodes, p.make(p.text))
		}
	}
	if t.devices != nil {
		nodes = append(nodes, t.devices.nodes()...)
	}
	return nodes
}

// ServesAllSysctls tells that all sysctls that shimrun knows are served ("*").
func (t *Tree) ServesAllSysctls() bool { return t.fill != nil }

// Roots are the directories below which all served names lie: for each first
// component the deepest common one. One that does not exist is implied; it
// stands in the filesystem of the nearest directory above it that does.
func (t *Tree) Roots() []string {
	roots := map[string]string{} // first component → common directory
	add := func(dir string) {
		first, _, _ := strings.Cut(dir[1:], "/")
		old, there := roots[first]
		if !there {
			roots[first] = dir
			return
		}
		for !isWithin(dir, old) {
			old = parentOf(old)
		}
		roots[first] = old
	}
	for name, node := range t.plain.nodes {
		if !node.Implied {
			add(parentOf(name))
		}
	}
	for root, ps := range t.patterns.byRoot {
		for _, p := range ps {
			if p.text == root {
				root = parentOf(root)
			}
			add(root)
		}
	}
	if t.fill != nil {
		add(sysctlRoot)
	}
	if t.devices != nil {
		add("/dev")
		add("/sys")
	}
	return slices.Sorted(maps.Values(roots))
}

// isWithin tells whether name is dir or lies below it.
func isWithin(name, dir string) bool {
	rest, ok := strings.CutPrefix(name, dir)
	return ok && (rest == "" || rest[0] == '/' || dir == "/")
}
