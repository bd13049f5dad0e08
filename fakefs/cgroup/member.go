package cgroup

import (
	"slices"
	"time"
)

// members are the processes of the machine with the groups that they are in.
type members struct {
	all map[int]*member
	// born are processes that a backend saw forked and nobody has looked at yet.
	born map[int][]*Group
	// ghosts remember, by process group and session, where the last member
	// was: a process whose parent had gone before it was seen is where its kin was.
	ghosts map[int][]*Group
	looked time.Time
}

// A member is one process: its group in each hierarchy, in their order.
type member struct {
	Process
	groups []*Group
}

// usage is time in nanoseconds, and the most memory that was seen, in bytes.
type usage struct {
	user, system uint64
	// userReset and systemReset are what was taken off by a write to cpuacct.usage.
	userReset, systemReset uint64
	most                   uint64
}

func (m *members) init() {
	m.all, m.born, m.ghosts = map[int]*member{}, map[int][]*Group{}, map[int][]*Group{}
}

// Forked says that one process has made another, which starts in its groups.
// Backends that see it call it before the child runs.
func (hs *Hierarchies) Forked(parent, child int) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if known := hs.members.all[child]; known != nil && known.Parent == parent {
		return // it was looked at before its parent's report came
	}
	if groups := hs.members.groupsOf(parent); groups != nil {
		hs.members.born[child] = slices.Clone(groups)
	}
}

func (m *members) groupsOf(pid int) []*Group {
	if groups := m.born[pid]; groups != nil {
		return groups
	}
	if known := m.all[pid]; known != nil {
		return known.groups
	}
	return nil
}

// refresh looks at all processes, unless that was done within age: it finds a
// group for those that are new, charges what they have used, and forgets the dead.
func (hs *Hierarchies) refresh(age time.Duration) error {
	m := &hs.members
	if age > 0 && time.Since(m.looked) < age {
		return nil
	}
	born := m.born
	m.born = map[int][]*Group{}
	processes, err := hs.machine.Processes()
	if err != nil {
		return err
	}
	now := make(map[int]*Process, len(processes))
	for i := range processes {
		now[processes[i].PID] = &processes[i]
	}
	seen := map[int]*member{}
	for i := range processes {
		hs.settle(&processes[i], now, born, seen)
	}
	for pid, old := range m.all {
		if seen[pid] == nil {
			m.ghosts[old.Group], m.ghosts[old.Session] = old.groups, old.groups
		}
	}
	m.all = seen
	m.forgetGhosts()
	m.looked = time.Now()
	for _, h := range hs.all {
		h.root.note()
	}
	return nil
}

// settle finds the member of a process, its parent's first.
func (hs *Hierarchies) settle(p *Process, now map[int]*Process, born map[int][]*Group, seen map[int]*member) *member {
	if done := seen[p.PID]; done != nil {
		return done
	}
	m := &member{Process: *p}
	seen[p.PID] = m // also ends a circle of parents, which a race could make
	old := hs.members.all[p.PID]
	if old != nil && old.Start == p.Start {
		m.groups = old.groups
		m.charge(old.User, old.System)
		return m
	}
	switch {
	case born[p.PID] != nil:
		m.groups = born[p.PID]
	case p.Parent <= 1 && p.Group != p.PID && hs.members.ghosts[p.Group] != nil:
		m.groups = slices.Clone(hs.members.ghosts[p.Group])
	case p.Parent <= 1 && p.Session != p.PID && hs.members.ghosts[p.Session] != nil:
		m.groups = slices.Clone(hs.members.ghosts[p.Session])
	default:
		if parent := now[p.Parent]; parent != nil && parent != p {
			m.groups = slices.Clone(hs.settle(parent, now, born, seen).groups)
		}
	}
	for i, h := range hs.all {
		if len(m.groups) <= i {
			m.groups = append(m.groups, h.root)
		} else if m.groups[i].gone {
			m.groups[i] = h.root
		}
	}
	m.charge(0, 0)
	return m
}

// charge adds what a process has used since it was last looked at.
func (m *member) charge(user, system uint64) {
	du, ds := m.User-min(user, m.User), m.System-min(system, m.System)
	for _, g := range m.groups {
		for ; g != nil; g = g.parent {
			g.used.user += du
			g.used.system += ds
		}
	}
}

// forgetGhosts keeps those of process groups and sessions that still live.
func (m *members) forgetGhosts() {
	if len(m.ghosts) == 0 {
		return
	}
	alive := map[int]bool{}
	for _, p := range m.all {
		alive[p.Group], alive[p.Session] = true, true
	}
	for id := range m.ghosts {
		if !alive[id] {
			delete(m.ghosts, id)
		}
	}
}

// any tells whether a process is in the group itself.
func (m *members) any(g *Group) bool {
	for _, p := range m.all {
		if p.groups[g.h.index] == g {
			return true
		}
	}
	return false
}

// of lists the processes of a group itself, sorted.
func (m *members) of(g *Group) []*member {
	var in []*member
	for _, p := range m.all {
		if p.groups[g.h.index] == g {
			in = append(in, p)
		}
	}
	slices.SortFunc(in, func(a, b *member) int { return a.PID - b.PID })
	return in
}

// below adds up something of all processes of the group and those below it.
func (g *Group) below(what func(*member) uint64) (sum uint64) {
	for _, p := range g.h.of.members.all {
		if p.groups[g.h.index].within(g) {
			sum += what(p)
		}
	}
	return sum
}

// note remembers the most memory that a group and those below it have held.
func (g *Group) note() {
	if g.h.Controller != "memory" {
		return
	}
	sums := map[*Group]uint64{}
	for _, p := range g.h.of.members.all {
		for in := p.groups[g.h.index]; in != nil; in = in.parent {
			sums[in] += p.RSS
		}
	}
	for in, sum := range sums {
		in.used.most = max(in.used.most, min(sum, g.h.of.machine.Memory()))
	}
}

// InGroups tells the group of a process in each hierarchy.
func (hs *Hierarchies) InGroups(pid int) (paths []string, err error) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	groups := hs.members.groupsOf(pid)
	if groups == nil || time.Since(hs.members.looked) > fresh {
		if err := hs.refresh(0); err != nil {
			return nil, err
		}
		groups = hs.members.groupsOf(pid)
	}
	for i, h := range hs.all {
		g := h.root
		if groups != nil {
			g = groups[i]
		}
		paths = append(paths, g.path())
	}
	return paths, nil
}
