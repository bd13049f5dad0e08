package cgroup

import "golang.org/x/sys/unix"

// Groups are frozen and killed by signals, which are sent with the rights of who
// writes the file. So a frozen process is a stopped one: its parent is told, and
// SIGCONT from elsewhere wakes it.

// rounds bounds how often processes are looked for that were forked meanwhile.
const rounds = 50

// frozenFrom tells whether the group or one above it was told to freeze.
func (g *Group) frozenFrom() bool {
	for ; g != nil; g = g.parent {
		if g.freeze {
			return true
		}
	}
	return false
}

// isFrozen tells whether everything in the group and below it stands still.
func (g *Group) isFrozen() bool {
	if !g.frozenFrom() {
		return false
	}
	for _, p := range g.h.of.members.all {
		if p.groups[g.h.index].within(g) && !p.stands && !p.Ours {
			return false
		}
	}
	return true
}

func writeFreeze(g *Group, who Caller, text string) error {
	n, err := parseInt(text)
	switch {
	case err != nil:
		return err
	case n < 0 || n > 1:
		return unix.ERANGE
	}
	was := g.freeze
	g.freeze = n == 1
	if err := g.settleFreeze(who); err != nil {
		g.freeze = was
		return err
	}
	return nil
}

// settleFreeze stops and wakes whom the group's state concerns, until there are no
// more that were forked meanwhile.
func (g *Group) settleFreeze(who Caller) error {
	hs := g.h.of
	for range rounds {
		if err := hs.refresh(0); err != nil {
			return err
		}
		changed := false
		for _, p := range hs.members.all {
			if !p.groups[g.h.index].within(g) || p.frozen == p.groups[g.h.index].frozenFrom() {
				continue
			}
			if err := hs.refreeze(p, who); err != nil {
				return err
			}
			changed = true
		}
		if !changed {
			break
		}
	}
	return nil
}

// refreeze stops or wakes a process as its group says.
func (hs *Hierarchies) refreeze(p *member, who Caller) error {
	if !hs.all[0].Unified() || p.Ours {
		return nil
	}
	want := p.groups[0].frozenFrom()
	if want == p.frozen {
		return nil
	}
	sig := unix.SIGCONT
	if want {
		// A process that its tracer holds for a moment says that it is stopped, so
		// that one that was stopped before cannot be told from it.
		sig = unix.SIGSTOP
	}
	if err := who.signal(p.PID, sig); err != nil && err != unix.ESRCH {
		return err
	}
	p.frozen, p.stands = want, false
	return nil
}

// writeKill is cgroup_kill_write. Either all may be killed by the writer, or none is.
func writeKill(g *Group, who Caller, text string) error {
	switch n, err := parseInt(text); {
	case err != nil:
		return err
	case n != 1:
		return unix.ERANGE
	case g.threaded:
		return unix.EOPNOTSUPP
	}
	hs, done := g.h.of, map[int]bool{}
	for range rounds {
		if err := hs.refresh(0); err != nil {
			return err
		}
		var found []int
		for _, p := range hs.members.all {
			if !done[p.PID] && !p.Ours && p.groups[g.h.index].within(g) {
				found = append(found, p.PID)
			}
		}
		if len(found) == 0 {
			break
		}
		for _, sig := range []unix.Signal{0, unix.SIGKILL} {
			for _, pid := range found {
				if err := who.signal(pid, sig); err != nil && err != unix.ESRCH {
					return err
				}
				done[pid] = true
			}
		}
	}
	return nil
}
