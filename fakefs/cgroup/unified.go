package cgroup

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The unified hierarchy of cgroup v2: which controllers a group has, and who
// may be where (Documentation/admin-guide/cgroup-v2.rst, kernel/cgroup/cgroup.c).

// UnifiedControllers are those that can be served in a unified hierarchy, in the
// kernel's order.
func UnifiedControllers() (names []string) {
	for _, k := range unifiedKinds {
		names = append(names, k.name)
	}
	return names
}

// NewUnified makes a unified hierarchy with the controllers. Every process of
// the machine is in its root.
func NewUnified(m Machine, controllers []string) (*Hierarchies, error) {
	hs := &Hierarchies{machine: m}
	hs.members.init()
	h := &Hierarchy{of: hs}
	for _, k := range unifiedKinds {
		if slices.Contains(controllers, k.name) {
			h.kinds = append(h.kinds, k)
		}
	}
	if len(h.kinds) < len(controllers) || len(h.kinds) == 0 {
		return nil, fmt.Errorf("controllers %v: some are unknown", controllers)
	}
	h.root = h.newGroup(nil, "", 0o555, 0, 0)
	hs.all = []*Hierarchy{h}
	return hs, nil
}

// has tells whether groups below have a controller.
func (g *Group) has(k *kind) bool {
	return slices.Contains(g.control, k) && (!g.threaded || k.threaded)
}

// controllers are those that the group has itself (cgroup_control).
func (g *Group) controllers() []*kind {
	if g.parent == nil {
		return g.h.kinds
	}
	var own []*kind
	for _, k := range g.h.kinds {
		if g.parent.has(k) && (!g.threaded || k.threaded) {
			own = append(own, k)
		}
	}
	return own
}

func namesOf(list []*kind) string {
	if len(list) == 0 {
		return ""
	}
	var names []string
	for _, k := range list {
		names = append(names, k.name)
	}
	return strings.Join(names, " ") + "\n"
}

// domainOnly tells whether a list has a controller that is not threaded.
func domainOnly(list []*kind) bool {
	return slices.ContainsFunc(list, func(k *kind) bool { return !k.threaded })
}

// writeControl is cgroup_subtree_control_write: "+NAME" and "-NAME", of which the
// last word about a controller counts; all of it or nothing.
func writeControl(g *Group, _ Caller, text string) error {
	enable, disable, err := g.parseControl(text)
	if err != nil {
		return err
	}
	own := g.controllers()
	for _, k := range g.h.kinds {
		on := slices.Contains(g.control, k)
		switch {
		case enable[k.name] && on:
			delete(enable, k.name)
		case enable[k.name] && !slices.Contains(own, k):
			return unix.ENOENT
		case disable[k.name] && on:
			for _, child := range g.children {
				if slices.Contains(child.control, k) {
					return unix.EBUSY
				}
			}
		}
	}
	for _, name := range unserved {
		if enable[name] {
			return unix.ENOENT
		}
	}
	if err := g.mayEnable(enable); err != nil {
		return err
	}
	for _, k := range g.h.kinds {
		on := slices.Contains(g.control, k)
		switch {
		case enable[k.name]:
			g.control = append(g.control, k)
		case disable[k.name] && on:
			g.control = slices.DeleteFunc(g.control, func(old *kind) bool { return old == k })
		}
	}
	slices.SortFunc(g.control, func(a, b *kind) int { return slices.Index(g.h.kinds, a) - slices.Index(g.h.kinds, b) })
	for _, child := range g.children {
		child.renew()
	}
	return nil
}

// renew gives a group the controllers that it is to have, and takes the others.
func (g *Group) renew() {
	own := g.controllers()
	for _, k := range g.h.kinds {
		has := slices.ContainsFunc(g.files, func(f *File) bool { return f.controller == k.name })
		switch wants := slices.Contains(own, k); {
		case wants && !has:
			g.attach(k)
		case !wants && has:
			g.detach(k)
		}
	}
}

func (g *Group) parseControl(text string) (enable, disable map[string]bool, err error) {
	enable, disable = map[string]bool{}, map[string]bool{}
	for word := range strings.SplitSeq(strip(text), " ") {
		if word == "" {
			continue
		}
		name := word[1:]
		if g.h.kind(name) == nil && !slices.Contains(unserved, name) && !slices.Contains(UnifiedControllers(), name) {
			return nil, nil, unix.EINVAL
		}
		switch word[0] {
		case '+':
			enable[name] = true
			delete(disable, name)
		case '-':
			disable[name] = true
			delete(enable, name)
		default:
			return nil, nil, unix.EINVAL
		}
	}
	for _, name := range UnifiedControllers() {
		if enable[name] && g.h.kind(name) == nil {
			return nil, nil, unix.ENOENT
		}
	}
	return enable, disable, nil
}

// mayEnable is cgroup_vet_subtree_control_enable: among others, no processes
// beside groups that they would compete with.
func (g *Group) mayEnable(enable map[string]bool) error {
	domain, any := false, false
	for _, k := range g.h.kinds {
		any = any || enable[k.name]
		domain = domain || enable[k.name] && !k.threaded
	}
	if !any {
		return nil
	}
	if err := g.h.of.refresh(0); err != nil {
		return err
	}
	switch {
	case !g.domain().isValidDomain():
		return unix.EOPNOTSUPP
	case g.parent == nil:
		return nil
	case domain && (g.isThreadRoot() || g.threaded):
		return unix.EOPNOTSUPP
	case !domain && (g.canBeThreadRoot() || g.threaded):
		return nil
	case g.h.of.members.any(g):
		return unix.EBUSY
	}
	return nil
}

// hasRoom is cgroup_check_hierarchy_limits: what each group above says of how deep
// and how many groups may stand below it.
func (g *Group) hasRoom() bool {
	level := int64(1)
	for up := g; up != nil; up = up.parent {
		if up.maxBelow != noMax && int64(up.descendants()) >= up.maxBelow {
			return false
		}
		if up.maxDepth != noMax && level > up.maxDepth {
			return false
		}
		level++
	}
	return true
}

// descendants counts the groups below.
func (g *Group) descendants() (n int) {
	for _, child := range g.children {
		n += 1 + child.descendants()
	}
	return n
}
