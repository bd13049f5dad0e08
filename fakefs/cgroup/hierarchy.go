package cgroup

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Hierarchies are all that are served: one for each controller.
// They are safe for concurrent use.
type Hierarchies struct {
	machine Machine

	mu      sync.Mutex
	all     []*Hierarchy
	members members
}

// A Hierarchy is the tree of groups of one controller.
type Hierarchy struct {
	// Controller is its name, such as "cpu"; ID its number in /proc/cgroups.
	Controller string
	ID         int

	of     *Hierarchies
	index  int
	kind   *kind
	root   *Group
	inodes uint64
	groups int
}

// Controllers are those that can be served, in the kernel's order.
func Controllers() []string {
	return []string{"cpuset", "cpu", "cpuacct", "memory", "devices", "freezer", "pids"}
}

// New makes a hierarchy for each controller, numbered from firstID on. Every
// process of the machine is in their roots.
func New(m Machine, controllers []string, firstID int) (*Hierarchies, error) {
	hs := &Hierarchies{machine: m}
	hs.members.init()
	for _, name := range Controllers() {
		if !slices.Contains(controllers, name) {
			continue
		}
		h := &Hierarchy{Controller: name, ID: firstID + len(hs.all), of: hs, index: len(hs.all), kind: kinds[name]}
		h.root = h.newGroup(nil, "", 0o555, 0, 0)
		hs.all = append(hs.all, h)
	}
	if len(hs.all) < len(controllers) {
		return nil, fmt.Errorf("controllers %v: some are unknown", controllers)
	}
	return hs, nil
}

// All lists the hierarchies.
func (hs *Hierarchies) All() []*Hierarchy { return hs.all }

// Of returns the hierarchy of a controller, nil where it is not served.
func (hs *Hierarchies) Of(controller string) *Hierarchy {
	for _, h := range hs.all {
		if h.Controller == controller {
			return h
		}
	}
	return nil
}

// Groups counts those of the hierarchy, its root included.
func (h *Hierarchy) Groups() int {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	return h.groups
}

// Root is the group that all processes begin in.
func (h *Hierarchy) Root() *Group { return h.root }

// Find returns what a name below the hierarchy's root leads to ("" is the root
// itself): a group, or one of its files. It allocates nothing.
func (h *Hierarchy) Find(name string) (g *Group, f *File) {
	h.of.mu.Lock()
	defer h.of.mu.Unlock()
	g = h.root
	for name != "" {
		var part string
		part, name, _ = strings.Cut(name, "/")
		if child := g.children[part]; child != nil {
			g = child
			continue
		}
		if f := g.file(part); f != nil && name == "" {
			return g, f
		}
		return nil, nil
	}
	return g, nil
}

// newGroup makes a group that hangs on nothing yet.
func (h *Hierarchy) newGroup(parent *Group, name string, mode uint32, uid, gid uint32) *Group {
	g := &Group{
		h: h, parent: parent, name: name, made: time.Now(),
		children:  map[string]*Group{},
		attribute: Attributes{Mode: mode, UID: uid, GID: gid},
	}
	h.groups++
	h.inodes++
	g.ino = h.inodes
	if parent != nil {
		g.notify, g.clone = parent.notify, parent.clone
	}
	if h.kind.fresh != nil {
		g.state = h.kind.fresh(g)
	}
	for i := range h.kind.files {
		s := &h.kind.files[i]
		if s.where == onRoot && parent != nil || s.where == belowRoot && parent == nil {
			continue
		}
		h.inodes++
		g.files = append(g.files, &File{g: g, spec: s, ino: h.inodes, attribute: Attributes{Mode: s.mode, UID: uid, GID: gid}})
	}
	return g
}
