package cgroup

import (
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"
)

// unifiedFiles are in every group of a unified hierarchy (cgroup_base_files and
// cgroup_psi_files in kernel/cgroup/cgroup.c).
var unifiedFiles = []spec{
	{name: "cgroup.type", mode: 0o644, where: belowRoot, read: readType, write: writeType},
	{name: "cgroup.procs", mode: 0o644, read: readProcesses, depends: true, write: moveProcess},
	{name: "cgroup.threads", mode: 0o644, read: readThreads, depends: true, write: moveThread},
	{name: "cgroup.controllers", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) { return namesOf(g.controllers()), nil }},
	{name: "cgroup.subtree_control", mode: 0o644, write: writeControl,
		read: func(g *Group, _ Caller) (string, error) { return namesOf(g.control), nil }},
	{name: "cgroup.events", mode: 0o444, where: belowRoot, read: readEvents, now: (*Group).events},
	most("cgroup.max.descendants", func(g *Group) *int64 { return &g.maxBelow }),
	most("cgroup.max.depth", func(g *Group) *int64 { return &g.maxDepth }),
	{name: "cgroup.stat", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) {
			return fmt.Sprintf("nr_descendants %d\nnr_dying_descendants 0\n", g.descendants()), nil
		}},
	{name: "cgroup.freeze", mode: 0o644, where: belowRoot, write: writeFreeze,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.freeze), nil }},
	{name: "cgroup.kill", mode: 0o200, where: belowRoot, write: writeKill},
	{name: "cpu.stat", mode: 0o444, read: times(cpuStat)},
	pressure("io.pressure"),
	pressure("memory.pressure"),
	pressure("cpu.pressure"),
	{name: "cgroup.pressure", mode: 0o644,
		read: func(*Group, Caller) (string, error) { return "1\n", nil },
		write: func(_ *Group, _ Caller, text string) error {
			switch n, err := parseInt(text); {
			case err != nil:
				return err
			case n < 0 || n > 1:
				return unix.ERANGE
			case n == 0:
				return unix.EOPNOTSUPP // there is nothing that could be turned off
			}
			return nil
		}},
}

// parseInt is kstrtoint with base 0, after white space is taken off.
func parseInt(text string) (int64, error) {
	n, err := parseSigned(strip(text))
	if err == nil && (n < math.MinInt32 || n > math.MaxInt32) {
		err = unix.ERANGE
	}
	return n, err
}

// most is a bound on groups below, which "max" lifts (cgroup_max_depth_write).
func most(name string, of func(*Group) *int64) spec {
	return spec{name: name, mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return maxOr(*of(g)), nil },
		write: func(g *Group, _ Caller, text string) error {
			if strip(text) == "max" {
				*of(g) = noMax
				return nil
			}
			n, err := parseInt(text)
			if err == nil && n < 0 {
				err = unix.ERANGE
			}
			if err == nil {
				if *of(g) = n; n == math.MaxInt32 {
					*of(g) = noMax
				}
			}
			return err
		}}
}

// maxOr is a number of which noMax is "max".
func maxOr(n int64) string {
	if n == noMax {
		return "max\n"
	}
	return line(n)
}

// pressure is a file of pressure stall information (Documentation/accounting/psi.rst).
// Nothing is known of who waits for what, and no threshold can be watched.
func pressure(name string) spec {
	return spec{name: name, mode: 0o644,
		read: func(*Group, Caller) (string, error) {
			const none = " avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
			return "some" + none + "full" + none, nil
		},
		write: func(*Group, Caller, string) error { return unix.EOPNOTSUPP }}
}

// cpuStat is cpu.stat: times, and with the controller what its limits did.
func cpuStat(g *Group, user, system uint64) string {
	text := fmt.Sprintf("usage_usec %d\nuser_usec %d\nsystem_usec %d\nnice_usec 0\n", (user+system)/1000, user/1000, system/1000)
	if g.state["cpu"] != nil {
		text += "nr_periods 0\nnr_throttled 0\nthrottled_usec 0\nnr_bursts 0\nburst_usec 0\n"
	}
	return text
}

// readProcesses lists the processes of a group; of a domain with threads below it
// also those whose threads are there.
func readProcesses(g *Group, who Caller) (string, error) {
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return "", err
	}
	if g.threaded {
		return "", unix.EOPNOTSUPP
	}
	var ids []int
	for _, p := range hs.members.all {
		in := p.groups[g.h.index].domain() == g
		for _, apart := range p.apart {
			in = in || apart.domain() == g
		}
		if id, ok := who.shown(p.PID); in && ok {
			ids = append(ids, id)
		}
	}
	return lines(ids), nil
}

// readThreads lists the threads of the group itself.
func readThreads(g *Group, who Caller) (string, error) {
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return "", err
	}
	var ids []int
	for _, p := range hs.members.all {
		if !p.in(g) {
			continue
		}
		threads, err := hs.machine.Threads(p.PID)
		if err != nil {
			continue // it has just ended
		}
		for _, thread := range threads {
			if id, ok := who.shown(thread); ok && p.groupOf(thread, g.h.index) == g {
				ids = append(ids, id)
			}
		}
	}
	return lines(ids), nil
}

func moveProcess(g *Group, who Caller, text string) error { return g.move(who, text, false) }
func moveThread(g *Group, who Caller, text string) error  { return g.move(who, text, true) }

// move is __cgroup_procs_write and cgroup_attach_permissions.
func (g *Group) move(who Caller, text string, alone bool) error {
	n, err := parseInt(text)
	if err != nil || n < 0 {
		return unix.EINVAL
	}
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return err
	}
	id := who.PID
	if alone && who.TID > 0 {
		id = who.TID
	}
	if n > 0 {
		var ok bool
		if id, ok = who.meant(int(n)); !ok {
			return unix.ESRCH
		}
	}
	p := hs.members.withThread(hs.machine, id)
	if p == nil {
		return unix.ESRCH
	}
	from := p.groupOf(id, g.h.index)
	common := from
	for !g.within(common) {
		common = common.parent
	}
	switch space := hs.spaceOf(who.PID, g.h.index); {
	case who.MayWrite != nil && !who.MayWrite(common.file("cgroup.procs").attribute):
		return unix.EACCES
	case !from.within(space) || !g.within(space):
		return unix.ENOENT // as with the mount option nsdelegate
	case !g.domain().isValidDomain():
		return unix.EOPNOTSUPP
	case !g.canBeThreadRoot() && !g.threaded && len(g.control) > 0:
		return unix.EBUSY
	case alone && from.domain() != g.domain():
		return unix.EOPNOTSUPP
	}
	if alone && p.Threads > 1 {
		p.setApart(id, g)
	} else {
		p.groups = slices.Clone(p.groups)
		p.groups[g.h.index], p.apart = g, nil
	}
	g.h.note()
	return hs.refreeze(p, who)
}

// readEvents is cgroup_events_show.
func readEvents(g *Group, _ Caller) (string, error) {
	err := g.h.of.refresh(0)
	return g.events(), err
}

func (g *Group) events() string {
	return "populated " + bit(g.populated()) + "frozen " + bit(g.isFrozen())
}

// setApart puts one thread of a process elsewhere than the others.
func (m *member) setApart(thread int, g *Group) {
	if m.apart == nil {
		m.apart = map[int]*Group{}
	}
	if delete(m.apart, thread); m.groups[g.h.index] != g {
		m.apart[thread] = g
	}
}
