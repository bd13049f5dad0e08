package cgroup

import "golang.org/x/sys/unix"

// freezer tells that a group was told to freeze itself.
type freezer struct{ frozen bool }

func freshFreezer(*Group) any { return &freezer{} }

func (g *Group) freezer() *freezer { return g.state["freezer"].(*freezer) }

// frozenAbove tells whether a group above was told to freeze.
func (g *Group) frozenAbove() bool {
	for up := g.parent; up != nil; up = up.parent {
		if up.freezer().frozen {
			return true
		}
	}
	return false
}

// freezerFiles are those of kernel/cgroup/legacy_freezer.c. The state is kept
// and told, and nothing is frozen.
var freezerFiles = []spec{
	{name: "freezer.state", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			if g.freezer().frozen || g.frozenAbove() {
				return "FROZEN\n", nil
			}
			return "THAWED\n", nil
		},
		write: func(g *Group, _ Caller, text string) error {
			switch strip(text) {
			case "FROZEN":
				g.freezer().frozen = true
			case "THAWED":
				g.freezer().frozen = false
			default:
				return unix.EINVAL
			}
			return nil
		}},
	{name: "freezer.self_freezing", mode: 0o444, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.freezer().frozen), nil }},
	{name: "freezer.parent_freezing", mode: 0o444, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.frozenAbove()), nil }},
}
