package cgroup

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Hierarchies are all that are served: one for each controller, or a single
// unified one (cgroups(7)).
// They are safe for concurrent use.
type Hierarchies struct {
	machine Machine

	mu      sync.Mutex
	all     []*Hierarchy
	members members
	watched map[*File]*watched
}

// A Hierarchy is the tree of groups of one controller, or the unified one of all.
type Hierarchy struct {
	// Controller is its name, such as "cpu", and "" for the unified hierarchy;
	// ID its number in /proc/cgroups.
	Controller string
	ID         int

	of     *Hierarchies
	index  int
	kinds  []*kind // one, or those of the unified hierarchy in the kernel's order
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
		h := &Hierarchy{Controller: name, ID: firstID + len(hs.all), of: hs, index: len(hs.all), kinds: []*kind{kinds[name]}}
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
		if h.kind(controller) != nil {
			return h
		}
	}
	return nil
}

// Controllers lists those of all hierarchies.
func (hs *Hierarchies) Controllers() (names []string) {
	for _, h := range hs.all {
		for _, k := range h.kinds {
			names = append(names, k.name)
		}
	}
	return names
}

// Unified tells that the hierarchy is one of cgroup v2.
func (h *Hierarchy) Unified() bool { return h.Controller == "" }

// kind is that of a controller, nil where it is not attached.
func (h *Hierarchy) kind(controller string) *kind {
	for _, k := range h.kinds {
		if k.name == controller {
			return k
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
		state:     map[string]any{},
		attribute: Attributes{Mode: mode, UID: uid, GID: gid},
		maxDepth:  noMax, maxBelow: noMax,
	}
	h.groups++
	h.inodes++
	g.ino = h.inodes
	if parent != nil {
		g.notify, g.clone = parent.notify, parent.clone
	}
	if h.Unified() {
		g.addFiles("", unifiedFiles)
	} else {
		g.addFiles("", coreFiles)
	}
	for _, k := range h.kinds {
		if parent == nil || !h.Unified() || parent.has(k) {
			g.attach(k)
		}
	}
	return g
}

// attach gives a group a controller: its state, and its files.
func (g *Group) attach(k *kind) {
	if k.fresh != nil {
		g.state[k.name] = k.fresh(g)
	}
	g.addFiles(k.name, k.files)
}

// addFiles adds those of a table that stand in the group. They are its owner's.
func (g *Group) addFiles(controller string, table []spec) {
	for i := range table {
		s := &table[i]
		if s.where == onRoot && g.parent != nil || s.where == belowRoot && g.parent == nil {
			continue
		}
		g.h.inodes++
		g.files = append(g.files, &File{
			g: g, spec: s, controller: controller, ino: g.h.inodes,
			attribute: Attributes{Mode: s.mode, UID: g.attribute.UID, GID: g.attribute.GID},
		})
	}
}

// detach takes a controller from a group: what it was set to is forgotten.
func (g *Group) detach(k *kind) {
	delete(g.state, k.name)
	g.files = slices.DeleteFunc(g.files, func(f *File) bool {
		f.gone = f.gone || f.controller == k.name
		return f.gone
	})
}
