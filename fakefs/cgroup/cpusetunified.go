package cgroup

import "golang.org/x/sys/unix"

// cpusetUnified is what a group of the controller is set to; empty sets are those
// of the group above.
type cpusetUnified struct{ cpus, mems, exclusive set }

func freshCpusetUnified(*Group) any { return &cpusetUnified{} }

func (g *Group) cpusetUnified() *cpusetUnified { return g.state["cpuset"].(*cpusetUnified) }

// effective is what a group really has: of what it asks for what is left by the
// one above, or all of that (update_cpumasks_hier).
func (g *Group) effective(of func(*cpusetUnified) set, all func(*Group) set) set {
	if g.parent == nil {
		return all(g)
	}
	above := g.parent.effective(of, all)
	if own := of(g.cpusetUnified()).and(above); !own.empty() {
		return own
	}
	return above
}

func (s set) and(other set) set {
	both := make(set, min(len(s), len(other)))
	for i := range both {
		both[i] = s[i] & other[i]
	}
	return both
}

func cpusOf(c *cpusetUnified) set { return c.cpus }
func memsOf(c *cpusetUnified) set { return c.mems }

// cpusetUnifiedFiles are dfl_files in kernel/cgroup/cpuset.c. No group can have
// processors for itself.
var cpusetUnifiedFiles = []spec{
	subset("cpuset.cpus", func(c *cpusetUnified) *set { return &c.cpus }, (*Group).machineCPUs, (*Group).cpus),
	subset("cpuset.mems", func(c *cpusetUnified) *set { return &c.mems }, (*Group).machineNodes, func(*Group) int { return maxNodes }),
	{name: "cpuset.cpus.effective", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) {
			return g.effective(cpusOf, (*Group).machineCPUs).String() + "\n", nil
		}},
	{name: "cpuset.mems.effective", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) {
			return g.effective(memsOf, (*Group).machineNodes).String() + "\n", nil
		}},
	subset("cpuset.cpus.exclusive", func(c *cpusetUnified) *set { return &c.exclusive }, (*Group).machineCPUs, (*Group).cpus),
	fixedFile("cpuset.cpus.exclusive.effective", belowRoot, "\n"),
	fixedFile("cpuset.cpus.isolated", onRoot, "\n"),
	{name: "cpuset.cpus.partition", mode: 0o644, where: belowRoot,
		read: func(*Group, Caller) (string, error) { return "member\n", nil },
		write: func(_ *Group, _ Caller, text string) error {
			switch strip(text) {
			case "member":
				return nil
			case "root", "isolated":
				return unix.EPERM
			}
			return unix.EINVAL
		}},
}

func (g *Group) cpus() int { return g.h.of.machine.CPUs() }

// subset is a file with a part of what the machine has (cpuset_write_resmask).
func subset(name string, of func(*cpusetUnified) *set, all func(*Group) set, below func(*Group) int) spec {
	return spec{name: name, mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return of(g.cpusetUnified()).String() + "\n", nil },
		write: func(g *Group, _ Caller, text string) error {
			s, err := parseSet(strip(text), below(g))
			if err != nil {
				return err
			}
			if !s.in(all(g)) {
				return unix.EINVAL
			}
			*of(g.cpusetUnified()) = s
			return nil
		}}
}
