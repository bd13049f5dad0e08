package cgroup

// usage is time in nanoseconds, and the most that was seen: of memory in bytes,
// and of threads.
type usage struct {
	user, system uint64
	// userReset and systemReset are what was taken off by a write to cpuacct.usage.
	userReset, systemReset uint64
	most                   uint64
	mostTasks              uint64
}

// charge adds what a process has used since it was last looked at, and what it
// inherited of children that have ended since: the dead are those that were known,
// each with what it had used when it was last seen.
func (m *member) charge(old *Process, dead []*member) {
	m.add(m.User-min(old.User, m.User), m.System-min(old.System, m.System))
	user, system := m.ChildUser-min(old.ChildUser, m.ChildUser), m.ChildSystem-min(old.ChildSystem, m.ChildSystem)
	for _, d := range dead {
		user -= min(user, d.User+d.ChildUser)
		system -= min(system, d.System+d.ChildSystem)
	}
	// What is left is that of children nobody had seen, which were where their parent
	// is; or what the one child used up to its end.
	if len(dead) == 1 {
		m = dead[0]
	}
	m.add(user, system)
}

// add charges time to the groups of a process and all above.
func (m *member) add(user, system uint64) {
	if user+system == 0 {
		return
	}
	for _, g := range m.groups {
		for ; g != nil; g = g.parent {
			g.used.user += user
			g.used.system += system
		}
	}
}

// dead lists, by their parents, the members that have ended since they were seen.
func (m *members) dead(now map[int]*Process) map[int][]*member {
	dead := map[int][]*member{}
	for pid, old := range m.all {
		if p := now[pid]; p == nil || p.Start != old.Start {
			dead[old.Parent] = append(dead[old.Parent], old)
		}
	}
	return dead
}

// note remembers the most that each group and those below it have held.
func (h *Hierarchy) note() {
	if h.kind("memory") == nil && h.kind("pids") == nil {
		return
	}
	memory, tasks := map[*Group]uint64{}, map[*Group]uint64{}
	for _, p := range h.of.members.all {
		for in := p.groups[h.index]; in != nil; in = in.parent {
			memory[in] += p.RSS
			tasks[in] += uint64(p.Threads)
		}
	}
	for in, sum := range memory {
		in.used.most = max(in.used.most, min(sum, h.of.machine.Memory()))
		in.used.mostTasks = max(in.used.mostTasks, tasks[in])
	}
}
