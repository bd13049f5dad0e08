package fakefs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// CgroupMachine is a [Machine] on which cgroups can be served. On another one a
// profile's cgroups are left out.
type CgroupMachine interface {
	Machine
	cgroup.Machine
	// Cgroups is /proc/cgroups, empty where there is none.
	Cgroups() ([]byte, error)
}

// CallerView is a [View] that can tell whose it is, as files of cgroups ask.
type CallerView interface {
	View
	Caller() (cgroup.Caller, error)
}

// cgroups are the hierarchies that a tree serves, as mounts below one directory.
type cgroups struct {
	*cgroup.Hierarchies
	root string
	// top is the tmpfs over the root; nil where the kernel has a mount there.
	top *Filesystem
	// mounts has one for each hierarchy, in their order.
	mounts []*Filesystem
	// always tells that real mounts of the same controllers are not.
	always bool
}

// newCgroups finds out which of the controllers the machine has not mounted;
// nil where none is to be served.
func newCgroups(told *Cgroups, m Machine) (*cgroups, error) {
	machine, ok := m.(CgroupMachine)
	if len(told.Controllers) == 0 || !ok {
		return nil, nil
	}
	mountinfo, err := machine.Mountinfo()
	if err != nil {
		return nil, fmt.Errorf("cgroups: %w", err)
	}
	real, err := machine.Cgroups()
	if err != nil {
		return nil, fmt.Errorf("cgroups: %w", err)
	}
	c := &cgroups{root: told.root(), always: told.When == Always}
	missing, top, unified := c.look(told, mountinfo)
	if unified && !c.always || len(missing) == 0 {
		return nil, nil
	}
	last := lastHierarchy(real)
	if last == 0 {
		last = lastHierarchy(appendMounted(nil, mountinfo)) // as /proc/cgroups is made then
	}
	if c.Hierarchies, err = cgroup.New(machine, missing, last+1); err != nil {
		return nil, err
	}
	c.mount(mountinfo, top)
	return c, nil
}

// look lists the controllers that are not mounted, and tells whether the root
// needs a mount of its own, and whether it is a cgroup2.
func (c *cgroups) look(told *Cgroups, mountinfo []byte) (missing []string, top, unified bool) {
	mounted := map[string]bool{}
	top = true
	eachLine(mountinfo, func(line []byte, _ bool) {
		m, ok := parseMount(line)
		if !ok {
			return
		}
		if string(m.point) == c.root {
			top, unified = false, string(m.typ) == "cgroup2"
		}
		if string(m.typ) == "cgroup" {
			for option := range strings.SplitSeq(string(m.options), ",") {
				mounted[option] = true
			}
		}
	})
	for _, name := range cgroup.Controllers() {
		if told.Controllers[name] && (c.always || !mounted[name]) {
			missing = append(missing, name)
		}
	}
	return missing, top, unified
}

// mount gives each hierarchy its mount, with numbers that the kernel is far from.
func (c *cgroups) mount(mountinfo []byte, top bool) {
	const far = 1000
	id, minor := 0, uint32(0)
	eachLine(mountinfo, func(line []byte, _ bool) {
		if m, ok := parseMount(line); ok {
			id = max(id, m.id())
			if m.major == 0 {
				minor = max(minor, m.minor)
			}
		}
	})
	id, minor = id+far, minor+far
	next := func(f Filesystem) *Filesystem {
		f.MountID, f.Dev, f.Magic = id, unix.Mkdev(0, minor), magics[f.Type]
		id, minor = id+1, minor+1
		return &f
	}
	if top {
		c.top = next(Filesystem{
			Type: "tmpfs", Source: "tmpfs", Point: c.root, ReadOnly: true,
			Flags: "ro,nosuid,nodev,noexec,relatime", Options: "ro,mode=755",
		})
	}
	for _, h := range c.All() {
		c.mounts = append(c.mounts, next(Filesystem{
			Type: "cgroup", Source: "cgroup", Point: c.root + "/" + h.Controller,
			Flags: "rw,nosuid,nodev,noexec,relatime", Options: "rw," + h.Controller,
		}))
	}
}

// id is a mount's number, the first field of its line.
func (m *mount) id() int {
	field, _, _ := bytes.Cut(bytes.TrimLeft(m.head, " "), []byte(" "))
	n, _ := parseUint32(field)
	return int(n)
}

// lastHierarchy is the highest number in /proc/cgroups.
func lastHierarchy(cgroups []byte) (last int) {
	eachLine(cgroups, func(line []byte, _ bool) {
		if f := bytes.Fields(line); len(f) > 1 {
			if n, err := strconv.Atoi(string(f[1])); err == nil {
				last = max(last, n)
			}
		}
	})
	return last
}

// points are the nodes of the mount points, by name: what the tree has to know
// beforehand.
func (c *cgroups) points() map[string]*Node {
	nodes := map[string]*Node{}
	if c.top != nil {
		nodes[c.root] = c.topNode()
	}
	for i, h := range c.All() {
		nodes[c.mounts[i].Point] = c.groupNode(i, c.mounts[i].Point, h.Root())
	}
	return nodes
}

// lookup is what is served under a name at or below the root, nil for nothing.
func (c *cgroups) lookup(name string) *Node {
	rest, ok := strings.CutPrefix(name, c.root)
	switch {
	case !ok:
		return nil
	case rest == "" && c.top != nil:
		return c.topNode()
	case rest == "" || rest[0] != '/':
		return nil
	}
	first, rest, _ := strings.Cut(rest[1:], "/")
	for i, h := range c.All() {
		if h.Controller != first {
			continue
		}
		switch g, f := h.Find(rest); {
		case f != nil:
			return c.fileNode(i, name, f)
		case g != nil:
			return c.groupNode(i, name, g)
		}
	}
	return nil
}

// children lists a directory of the hierarchies; ok tells that it is one.
func (c *cgroups) children(dir string) (entries []Entry, ok bool) {
	n := c.lookup(dir)
	if n == nil || n.Group == nil {
		return nil, false
	}
	i := 0
	for c.mounts[i] != n.On {
		i++
	}
	groups, files := n.Group.Names()
	for _, f := range files {
		entries = append(entries, Entry{f.Name(), c.fileNode(i, dir+"/"+f.Name(), f)})
	}
	for _, g := range groups {
		entries = append(entries, Entry{g.Name(), c.groupNode(i, dir+"/"+g.Name(), g)})
	}
	return entries, true
}

func (c *cgroups) topNode() *Node {
	return &Node{
		Name: c.root, Mode: fs.ModeDir | 0o755, Ino: 1, On: c.top, Implied: true,
		Lie: "cgroups " + c.All()[0].Controller,
	}
}

func (c *cgroups) groupNode(i int, name string, g *cgroup.Group) *Node {
	st := g.Stat()
	return &Node{
		Name: name, Mode: fs.ModeDir | fs.FileMode(st.Mode&0o777), UID: st.UID, GID: st.GID, Ino: st.Ino,
		On: c.mounts[i], Group: g, Object: g, Lie: "cgroups " + c.All()[i].Controller,
	}
}

func (c *cgroups) fileNode(i int, name string, f *cgroup.File) *Node {
	st := f.Stat()
	return &Node{
		Name: name, Mode: fs.FileMode(st.Mode & 0o777), UID: st.UID, GID: st.GID, Ino: st.Ino,
		On: c.mounts[i], Object: f, Content: groupFile{f}, Lie: "cgroups " + c.All()[i].Controller,
	}
}

// groupFile is the Content of a file of a group.
type groupFile struct{ *cgroup.File }

func (f groupFile) Shared() (uint64, bool) { return 0, false }

func (f groupFile) Read(v View) ([]byte, error) {
	who, err := callerOf(v)
	if err != nil {
		return nil, err
	}
	return f.File.Read(who)
}

func (f groupFile) Write(v View, data []byte, _ int64) (int, error) {
	who, err := callerOf(v)
	if err != nil {
		return 0, err
	}
	return f.File.Write(who, data)
}

func callerOf(v View) (cgroup.Caller, error) {
	if c, ok := v.(CallerView); ok {
		return c.Caller()
	}
	return cgroup.Caller{}, errors.ErrUnsupported
}

// appendMounts appends what is served to one of a process's tables of mounts:
// kind is the table's name, mountinfo what the kernel says of the process's
// mounts. A process that does not see the folder that they stand in gets none.
func (c *cgroups) appendMounts(dst []byte, kind string, mountinfo []byte) []byte {
	if c == nil {
		return dst
	}
	parent := holder(mountinfo, c.root)
	if parent == 0 {
		return dst
	}
	mounts := c.mounts
	if c.top != nil {
		mounts = append([]*Filesystem{c.top}, mounts...)
	}
	for _, f := range mounts {
		switch kind {
		case "mountinfo":
			dst = f.appendMountinfo(dst, parent)
			if f == c.top {
				parent = f.MountID
			}
		case "mounts":
			dst = f.appendMounts(dst)
		case "mountstats":
			dst = f.appendMountstats(dst)
		}
	}
	return dst
}

// holder is the number of the mount that a name lies on, 0 for none.
func holder(mountinfo []byte, name string) (id int) {
	longest := -1
	eachLine(mountinfo, func(line []byte, _ bool) {
		m, ok := parseMount(line)
		if ok && isWithin(name, string(m.point)) && len(m.point) >= longest {
			id, longest = m.id(), len(m.point)
		}
	})
	return id
}

// appendFilesystems appends the types that have to be known where these are served.
func (c *cgroups) appendFilesystems(dst, filesystems []byte) []byte {
	if c == nil {
		return dst
	}
	for _, typ := range []string{"tmpfs", "cgroup"} {
		if !hasFilesystem(filesystems, typ) {
			dst = append(append(append(dst, "nodev\t"...), typ...), '\n')
		}
	}
	return dst
}

// cgroupsFile is /proc/cgroups: the real one where it lists anything, else the
// controllers that the reader sees mounted; and those that are served.
func cgroupsFile(g *generated, v View) ([]byte, error) {
	real, err := optional(v.Real())
	if err != nil {
		return nil, err
	}
	c := g.tree.cgroups
	out := []byte("#subsys_name\thierarchy\tnum_cgroups\tenabled\n")
	if bytes.Count(bytes.TrimSpace(real), []byte("\n")) == 0 {
		mountinfo, err := v.ReadFile("/proc/self/mountinfo")
		if err != nil {
			return nil, err
		}
		out = appendMounted(out, mountinfo)
	} else if c == nil {
		return real, nil
	} else {
		eachLine(real, func(line []byte, _ bool) {
			name, _, _ := bytes.Cut(line, []byte("\t"))
			if line[0] != '#' && c.Of(string(name)) == nil {
				out = append(append(out, line...), '\n')
			}
		})
	}
	if c != nil {
		for _, h := range c.All() {
			out = fmt.Appendf(out, "%s\t%d\t%d\t1\n", h.Controller, h.ID, h.Groups())
		}
	}
	return out, nil
}

// processCgroups is /proc/PID/cgroup: the served hierarchies, and what the
// kernel says of others, from the highest number to the lowest.
func processCgroups(g *generated, v View) ([]byte, error) {
	real, err := optional(v.Real())
	if err != nil {
		return nil, err
	}
	c := g.tree.cgroups
	if c == nil {
		return real, nil
	}
	pid := 0
	if part, _, ok := strings.Cut(strings.TrimPrefix(g.name, "/proc/"), "/"); ok {
		pid, _ = strconv.Atoi(part)
	}
	paths, err := c.InGroups(pid)
	if err != nil {
		return nil, err
	}
	var out []byte
	for i := len(paths) - 1; i >= 0; i-- {
		h := c.All()[i]
		out = fmt.Appendf(out, "%d:%s:%s\n", h.ID, h.Controller, paths[i])
	}
	eachLine(real, func(line []byte, _ bool) {
		_, rest, _ := bytes.Cut(line, []byte(":"))
		names, _, _ := bytes.Cut(rest, []byte(":"))
		for name := range strings.SplitSeq(string(names), ",") {
			if c.Of(name) != nil {
				return
			}
		}
		out = append(append(out, line...), '\n')
	})
	return out, nil
}
