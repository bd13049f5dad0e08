package cgroup

import (
	"slices"
	"strings"
	"time"
)

// Cgroup namespaces (cgroup_namespaces(7)): a process sees the groups from one of
// them on, its namespace's root.

// Unshare gives a process a cgroup namespace of its own, whose roots are the groups
// that it is in.
func (hs *Hierarchies) Unshare(pid int) error {
	return hs.withMember(pid, func(m *member) { m.space = slices.Clone(m.groups) })
}

// Enter has a process see what another one sees (setns(2)).
func (hs *Hierarchies) Enter(pid, other int) error {
	return hs.withMember(pid, func(m *member) {
		if of := hs.members.all[other]; of != nil {
			m.space = of.space
		}
	})
}

func (hs *Hierarchies) withMember(pid int, change func(*member)) error {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if err := hs.refresh(0); err != nil {
		return err
	}
	if m := hs.members.withThread(hs.machine, pid); m != nil {
		change(m)
	}
	return nil
}

// spaceOf is the root of a process's cgroup namespace in one hierarchy.
func (hs *Hierarchies) spaceOf(pid, hierarchy int) *Group {
	if at, ok := hs.members.placeOf(pid); ok && at.space != nil {
		return at.space[hierarchy]
	}
	return hs.all[hierarchy].root
}

// Space is the path of the group that a process sees as the root of a hierarchy.
func (hs *Hierarchies) Space(pid, hierarchy int) string {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if _, known := hs.members.placeOf(pid); !known {
		_ = hs.refresh(0) // a child that nobody has seen yet
	}
	return hs.spaceOf(pid, hierarchy).path()
}

// InGroups tells the group of a process in each hierarchy, as a reader sees them.
func (hs *Hierarchies) InGroups(pid, reader int) (paths []string, err error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	at, known := hs.members.placeOf(pid)
	if !known || time.Since(hs.members.looked) > hs.fresh() {
		if err := hs.refresh(0); err != nil {
			return nil, err
		}
		at, known = hs.members.placeOf(pid)
	}
	for i, h := range hs.all {
		g := h.root
		if known {
			g = at.groups[i]
		}
		paths = append(paths, g.from(hs.spaceOf(reader, i)))
	}
	return paths, nil
}

// from is the group's name as it is seen from a namespace's root
// (kernfs_path_from_node).
func (g *Group) from(space *Group) string {
	if g.within(space) {
		return "/" + strings.TrimPrefix(strings.TrimPrefix(g.path(), strings.TrimSuffix(space.path(), "/")), "/")
	}
	up := ""
	for !g.within(space) {
		space, up = space.parent, up+"/.."
	}
	return strings.TrimSuffix(up+g.from(space), "/")
}
