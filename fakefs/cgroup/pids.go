package cgroup

import (
	"slices"

	"golang.org/x/sys/unix"
)

// pids is what a group of that controller is set to; noMax is "max".
type pids struct{ max int64 }

const (
	noMax = -1
	// pidsMax is PID_MAX_LIMIT, above which there are no numbers.
	pidsMax = 4 << 20
)

func freshPids(*Group) any { return &pids{max: noMax} }

func (g *Group) pids() *pids { return g.state["pids"].(*pids) }

// pidsFiles are pids_files_legacy in kernel/cgroup/pids.c.
var pidsFiles = []spec{
	{name: "pids.max", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			if n := g.pids().max; n != noMax {
				return line(n), nil
			}
			return "max\n", nil
		},
		write: func(g *Group, _ Caller, text string) error {
			text = strip(text)
			if text == "max" {
				g.pids().max = noMax
				return nil
			}
			n, err := parseSigned(text)
			if err != nil {
				return err
			}
			if n < 0 || n > pidsMax {
				return unix.EINVAL
			}
			g.pids().max = n
			return nil
		}},
	{name: "pids.current", mode: 0o444, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			err := g.h.of.refresh(g.h.of.fresh())
			return line(g.below(func(p *member) uint64 { return uint64(p.Threads) })), err
		}},
	{name: "pids.events", mode: 0o444, where: belowRoot,
		read: func(*Group, Caller) (string, error) { return "max 0\n", nil }},
}

// pidsUnifiedFiles are pids_files: besides those of v1 how many there were at most.
var pidsUnifiedFiles = slices.Concat(pidsFiles, []spec{
	{name: "pids.peak", mode: 0o444, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			err := g.h.of.refresh(g.h.of.fresh())
			return line(g.used.mostTasks), err
		}},
	fixedFile("pids.events.local", belowRoot, "max 0\n"),
})
