package fakefs

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

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
	case rest == "" && !c.unified() || rest != "" && rest[0] != '/':
		return nil
	}
	if c.unified() {
		return c.find(0, name, strings.TrimPrefix(rest, "/"))
	}
	first, rest, _ := strings.Cut(rest[1:], "/")
	for i, h := range c.All() {
		if h.Controller == first {
			return c.find(i, name, rest)
		}
	}
	return nil
}

// find is what a name below the root of a hierarchy leads to.
func (c *cgroups) find(i int, name, rest string) *Node {
	switch g, f := c.All()[i].Find(rest); {
	case f != nil:
		return c.fileNode(i, name, f)
	case g != nil:
		return c.groupNode(i, name, g)
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
		On: c.mounts[i], Group: g, Object: g, Lie: "cgroups " + c.Controllers()[i],
	}
}

func (c *cgroups) fileNode(i int, name string, f *cgroup.File) *Node {
	st := f.Stat()
	return &Node{
		Name: name, Mode: fs.FileMode(st.Mode & 0o777), UID: st.UID, GID: st.GID, Ino: st.Ino,
		On: c.mounts[i], Object: f, Content: groupFile{f}, Lie: "cgroups " + f.Controller(),
	}
}

// groupFile is the Content of a file of a group.
type groupFile struct{ *cgroup.File }

func (f groupFile) Shared() (uint64, bool) { return 0, false }

func (f groupFile) Read(v View) ([]byte, error) {
	var who cgroup.Caller
	if f.File.Depends() {
		var err error
		if who, err = callerOf(v); err != nil {
			return nil, err
		}
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
