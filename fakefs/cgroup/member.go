package cgroup

import (
	"slices"
	"time"
)

// members are the processes of the machine with the groups that they are in.
type members struct {
	all map[int]*member
	// born are processes that a backend saw forked and nobody has looked at yet.
	born map[int]place
	// ghosts remember, by process group and session, where the last member
	// was: a process whose parent had gone before it was seen is where its kin was.
	ghosts map[int]place
	looked time.Time
	took   time.Duration // the last look
}

// A member is one process.
type member struct {
	Process
	place
	// apart has the threads that are in other groups of a unified hierarchy than
	// their process.
	apart map[int]*Group
	// frozen tells that it was stopped for its group, stands that it has stood still
	// since: one that a tracer holds says so and then does not for a moment.
	frozen, stands bool
}

// A place is where a process is: its group in each hierarchy, in their order, and
// the roots of its cgroup namespace (cgroup_namespaces(7)), nil for the hierarchies'.
type place struct {
	groups []*Group
	space  []*Group
}

func (p place) clone() place { return place{slices.Clone(p.groups), p.space} }

func (m *members) init() {
	m.all, m.born, m.ghosts = map[int]*member{}, map[int]place{}, map[int]place{}
}

// Forked says that one process has made another, which starts in its groups.
// Backends that see it call it before the child runs.
func (hs *Hierarchies) Forked(parent, child int) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	if known := hs.members.all[child]; known != nil && known.Parent == parent {
		return // it was looked at before its parent's report came
	}
	if at, ok := hs.members.placeOf(parent); ok {
		hs.members.born[child] = at.clone()
	}
}

func (m *members) placeOf(pid int) (place, bool) {
	if at, ok := m.born[pid]; ok {
		return at, true
	}
	if known := m.all[pid]; known != nil {
		return known.place, true
	}
	return place{}, false
}

// refresh looks at all processes, unless that was done within age: it finds a
// group for those that are new, charges what they have used, and forgets the dead.
func (hs *Hierarchies) refresh(age time.Duration) error {
	m := &hs.members
	if age > 0 && time.Since(m.looked) < age {
		return nil
	}
	born := m.born
	m.born = map[int]place{}
	began := time.Now()
	processes, err := hs.machine.Processes()
	if err != nil {
		return err
	}
	now := make(map[int]*Process, len(processes))
	for i := range processes {
		now[processes[i].PID] = &processes[i]
	}
	dead := m.dead(now)
	seen := map[int]*member{}
	for i := range processes {
		hs.settle(&processes[i], now, born, seen, dead)
	}
	for pid, old := range m.all {
		if seen[pid] == nil {
			m.ghosts[old.Group], m.ghosts[old.Session] = old.place, old.place
		}
	}
	m.all = seen
	m.forgetGhosts()
	hs.forgetThreads()
	m.looked = time.Now()
	m.took = m.looked.Sub(began)
	for _, h := range hs.all {
		h.note()
	}
	hs.tell()
	return nil
}

// settle finds the member of a process, its parent's first.
func (hs *Hierarchies) settle(p *Process, now map[int]*Process, born map[int]place, seen map[int]*member, dead map[int][]*member) *member {
	if done := seen[p.PID]; done != nil {
		return done
	}
	m := &member{Process: *p}
	seen[p.PID] = m // also ends a circle of parents, which a race could make
	old := hs.members.all[p.PID]
	if old != nil && old.Start == p.Start {
		m.place, m.apart, m.frozen = old.place, old.apart, old.frozen
		m.stands = old.stands || old.frozen && p.Stopped
		m.charge(&old.Process, dead[p.PID])
		return m
	}
	ghosts := hs.members.ghosts
	at, seenBorn := born[p.PID]
	group, hasGroup := ghosts[p.Group]
	session, hasSession := ghosts[p.Session]
	switch {
	case seenBorn:
		m.place = at
	case p.Parent <= 1 && p.Group != p.PID && hasGroup:
		m.place = group.clone()
	case p.Parent <= 1 && p.Session != p.PID && hasSession:
		m.place = session.clone()
	default:
		if parent := now[p.Parent]; parent != nil && parent != p {
			m.place = hs.settle(parent, now, born, seen, dead).clone()
		}
	}
	for i, h := range hs.all {
		if len(m.groups) <= i {
			m.groups = append(m.groups, h.root)
		} else if m.groups[i].gone {
			m.groups[i] = h.root
		}
	}
	m.charge(&Process{}, nil)
	return m
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

// forgetThreads keeps threads that stand apart only as long as they live.
func (hs *Hierarchies) forgetThreads() {
	for _, p := range hs.members.all {
		if len(p.apart) == 0 {
			continue
		}
		threads, err := hs.machine.Threads(p.PID)
		for id := range p.apart {
			if err == nil && !slices.Contains(threads, id) {
				delete(p.apart, id)
			}
		}
	}
}

// leave has those that remember a group that is removed remember the one above.
func (m *members) leave(g *Group) {
	for id, at := range m.ghosts {
		if at.groups[g.h.index] == g {
			delete(m.ghosts, id)
		}
	}
}

// in tells whether the process, or a thread of it, is in the group itself.
func (m *member) in(g *Group) bool {
	if m.groups[g.h.index] == g && (len(m.apart) == 0 || len(m.apart) < m.Threads) {
		return true
	}
	for _, apart := range m.apart {
		if apart == g {
			return true
		}
	}
	return false
}

// groupOf is the group of one thread.
func (m *member) groupOf(thread, hierarchy int) *Group {
	if apart := m.apart[thread]; apart != nil && apart.h.index == hierarchy {
		return apart
	}
	return m.groups[hierarchy]
}

// any tells whether a process is in the group itself.
func (m *members) any(g *Group) bool {
	for _, p := range m.all {
		if p.in(g) {
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
