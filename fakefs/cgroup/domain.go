package cgroup

import "golang.org/x/sys/unix"

// Domains and threads (cgroup-v2.rst, "Threads"): a group is a domain, or holds
// threads of processes whose resources are those of the domain above it.

// domain is the nearest group from here up that holds no threads (dom_cgrp).
func (g *Group) domain() *Group {
	for g.threaded {
		g = g.parent
	}
	return g
}

// isThreadRoot tells whether threads below belong to this domain
// (cgroup_is_thread_root).
func (g *Group) isThreadRoot() bool {
	if g.threaded {
		return false
	}
	for _, child := range g.children {
		if child.threaded {
			return true
		}
	}
	for _, k := range g.control {
		if k.threaded && g.h.of.members.any(g) {
			return true
		}
	}
	return false
}

// isValidDomain tells whether processes may be here (cgroup_is_valid_domain).
func (g *Group) isValidDomain() bool {
	if g.threaded {
		return false
	}
	for up := g.parent; up != nil; up = up.parent {
		if up.threaded || up.parent != nil && up.isThreadRoot() {
			return false
		}
	}
	return true
}

// canBeThreadRoot is cgroup_can_be_thread_root.
func (g *Group) canBeThreadRoot() bool {
	switch {
	case g.parent == nil:
		return true
	case g.threaded, domainOnly(g.control):
		return false
	}
	for _, child := range g.children {
		if !child.threaded && child.populated() {
			return false
		}
	}
	return true
}

// populated tells whether anything lives in the group or below it.
func (g *Group) populated() bool {
	if g.h.of.members.any(g) {
		return true
	}
	for _, child := range g.children {
		if child.populated() {
			return true
		}
	}
	return false
}

func readType(g *Group, _ Caller) (string, error) {
	err := g.h.of.refresh(g.h.of.fresh())
	switch {
	case g.threaded:
		return "threaded\n", err
	case !g.isValidDomain():
		return "domain invalid\n", err
	case g.isThreadRoot():
		return "domain threaded\n", err
	}
	return "domain\n", err
}

// writeType is cgroup_type_write: a domain can become threaded, and never again
// a domain.
func writeType(g *Group, _ Caller, text string) error {
	if strip(text) != "threaded" {
		return unix.EINVAL
	}
	if err := g.h.of.refresh(0); err != nil {
		return err
	}
	above := g.parent.domain()
	switch {
	case g.threaded:
		return nil
	case g.populated(), domainOnly(g.control), !above.isValidDomain(), !above.canBeThreadRoot():
		return unix.EOPNOTSUPP
	}
	g.threaded = true
	g.renew()
	return nil
}
