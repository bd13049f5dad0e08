package cgroup

import (
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// set is a set of small numbers, as a bitmap.
type set []uint64

func (s set) has(n int) bool { return n/64 < len(s) && s[n/64]>>(n%64)&1 != 0 }

func (s set) empty() bool { return !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 }) }

func (s *set) add(n int) {
	for len(*s) <= n/64 {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s set) in(other set) bool {
	for i, w := range s {
		if i < len(other) {
			w &^= other[i]
		}
		if w != 0 {
			return false
		}
	}
	return true
}

func (s set) meets(other set) bool {
	for i := range min(len(s), len(other)) {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// String is the list form, "0-2,5".
func (s set) String() string {
	var b strings.Builder
	for i := 0; i < 64*len(s); i++ {
		if !s.has(i) {
			continue
		}
		last := i
		for s.has(last + 1) {
			last++
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(i))
		if last > i {
			b.WriteString("-" + strconv.Itoa(last))
		}
		i = last
	}
	return b.String()
}

// upTo is the set of the first n numbers.
func upTo(n int) (s set) {
	for i := range n {
		s.add(i)
	}
	return s
}

// maxNodes is MAX_NUMNODES of a common kernel. Of processors there are as many
// bits as the machine has (nr_cpu_ids).
const maxNodes = 1 << 10

// parseSet reads a list of numbers and ranges with strides, "0-3,8-15:2/4", and
// "all" (bitmap_parselist in lib/bitmap-str.c). below is how many bits there are.
func parseSet(text string, below int) (set, error) {
	var s set
	isBlank := func(r rune) bool { return r == ',' || r == ' ' || '\t' <= r && r <= '\r' }
	for _, region := range strings.FieldsFunc(text, isBlank) {
		first, last, used, group := 0, 0, 1, 1
		rest := region
		if after, all := strings.CutPrefix(region, "all"); all && (after == "" || after[0] == ':') {
			last, rest = below-1, after
		} else {
			var err error
			if first, rest, err = number(rest, below); err != nil {
				return nil, err
			}
			last = first
			if after, ok := strings.CutPrefix(rest, "-"); ok {
				if last, rest, err = number(after, below); err != nil {
					return nil, err
				}
			}
		}
		if after, ok := strings.CutPrefix(rest, ":"); ok {
			var err error
			if used, rest, err = number(after, below); err != nil {
				return nil, err
			}
			if after, ok = strings.CutPrefix(rest, "/"); !ok {
				return nil, unix.EINVAL
			}
			if group, rest, err = number(after, below); err != nil {
				return nil, err
			}
		}
		switch {
		case rest != "":
			return nil, unix.EINVAL
		case first > last || group == 0 || used > group: // bitmap_check_region
			return nil, unix.EINVAL
		case last >= below:
			return nil, unix.ERANGE
		}
		for at := first; at <= last; at += group {
			for n := at; n < at+used && n <= last; n++ {
				s.add(n)
			}
		}
	}
	return s, nil
}

// number reads a decimal number (bitmap_getnum); "N" stands for the last one.
func number(s string, below int) (n int, rest string, err error) {
	if after, ok := strings.CutPrefix(s, "N"); ok {
		return below - 1, after, nil
	}
	i := 0
	for i < len(s) && isDigit(s[i], 10) {
		i++
	}
	if i == 0 {
		return 0, "", unix.EINVAL
	}
	v, err := strconv.ParseUint(s[:i], 10, 32)
	if err != nil {
		return 0, "", unix.EOVERFLOW
	}
	return int(v), s[i:], nil
}

// cpuset is what a group of that controller is set to.
type cpuset struct {
	cpus, mems set
	flags      map[string]bool
	level      int64
}

// machineCPUs and machineNodes are the processors and memory nodes there are.
func (g *Group) machineCPUs() set { return upTo(g.h.of.machine.CPUs()) }

func (g *Group) machineNodes() set { return upTo(1) }

func freshCpuset(g *Group) any {
	c := &cpuset{flags: map[string]bool{"cpuset.sched_load_balance": true}, level: -1}
	switch {
	case g.parent == nil:
		c.cpus, c.mems = g.machineCPUs(), g.machineNodes()
		c.flags["cpuset.cpu_exclusive"], c.flags["cpuset.mem_exclusive"] = true, true
	case g.clone && !g.parent.exclusiveChildren():
		c.cpus, c.mems = g.parent.cpuset().cpus, g.parent.cpuset().mems
	}
	return c
}

func (g *Group) cpuset() *cpuset { return g.state["cpuset"].(*cpuset) }

// exclusiveChildren tells whether a child has its own alone, so that a clone
// would take it away (cpuset_css_online).
func (g *Group) exclusiveChildren() bool {
	for _, child := range g.children {
		if child.cpuset().flags["cpuset.cpu_exclusive"] || child.cpuset().flags["cpuset.mem_exclusive"] {
			return true
		}
	}
	return false
}

// attachCpuset refuses processes that could not run (cpuset_can_attach).
func attachCpuset(g *Group) error {
	if c := g.cpuset(); c.cpus.empty() || c.mems.empty() {
		return unix.ENOSPC
	}
	return nil
}

// cpusetFiles are cpuset1_files in kernel/cgroup/cpuset-v1.c.
var cpusetFiles = []spec{
	{name: "cpuset.cpus", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return g.cpuset().cpus.String() + "\n", nil },
		write: writeSet(func(c *cpuset) *set { return &c.cpus }, (*Group).machineCPUs,
			func(g *Group) int { return g.h.of.machine.CPUs() })},
	{name: "cpuset.mems", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return g.cpuset().mems.String() + "\n", nil },
		write: writeSet(func(c *cpuset) *set { return &c.mems }, (*Group).machineNodes,
			func(*Group) int { return maxNodes })},
	{name: "cpuset.effective_cpus", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) { return g.cpuset().cpus.String() + "\n", nil }},
	{name: "cpuset.effective_mems", mode: 0o444,
		read: func(g *Group, _ Caller) (string, error) { return g.cpuset().mems.String() + "\n", nil }},
	cpusetFlag("cpuset.cpu_exclusive"),
	cpusetFlag("cpuset.mem_exclusive"),
	cpusetFlag("cpuset.mem_hardwall"),
	cpusetFlag("cpuset.memory_migrate"),
	cpusetFlag("cpuset.memory_spread_page"),
	cpusetFlag("cpuset.memory_spread_slab"),
	cpusetFlag("cpuset.sched_load_balance"),
	{name: "cpuset.memory_pressure", mode: 0o444,
		read: func(*Group, Caller) (string, error) { return "0\n", nil }},
	{name: "cpuset.sched_relax_domain_level", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return line(g.cpuset().level), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseSigned(text)
			if err != nil {
				return err
			}
			if n < -1 || n > 5 {
				return unix.EINVAL
			}
			g.cpuset().level = n
			return nil
		}},
	func() spec {
		s := cpusetFlag("cpuset.memory_pressure_enabled")
		s.where = onRoot
		return s
	}(),
}

func cpusetFlag(name string) spec {
	return spec{name: name, mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.cpuset().flags[name]), nil },
		write: flag(func(g *Group, on bool) error {
			trial := g.cpuset().clone()
			trial.flags[name] = on
			return g.change(trial)
		})}
}

func (c *cpuset) clone() *cpuset {
	trial := *c
	trial.flags = map[string]bool{}
	for name, on := range c.flags {
		trial.flags[name] = on
	}
	return &trial
}

func writeSet(of func(*cpuset) *set, machine func(*Group) set, below func(*Group) int) func(*Group, Caller, string) error {
	return func(g *Group, _ Caller, text string) error {
		if g.parent == nil {
			return unix.EACCES // "top_cpuset.cpus_allowed tracks cpu_online_mask; it's read-only"
		}
		s, err := parseSet(strip(text), below(g))
		if err != nil {
			return err
		}
		if !s.in(machine(g)) {
			return unix.EINVAL
		}
		trial := g.cpuset().clone()
		*of(trial) = s
		if err := g.h.of.refresh(0); err != nil {
			return err
		}
		return g.change(trial)
	}
}

// change makes the checks of cpuset1_validate_change and validate_change, in
// their order, and then the change.
func (g *Group) change(trial *cpuset) error {
	for _, child := range g.children {
		if !child.cpuset().isSubset(trial) {
			return unix.EBUSY
		}
	}
	old := g.cpuset()
	if g.parent != nil {
		if !trial.isSubset(g.parent.cpuset()) {
			return unix.EACCES
		}
		for _, sibling := range g.parent.children {
			if sibling == g {
				continue
			}
			s := sibling.cpuset()
			if (trial.flags["cpuset.cpu_exclusive"] || s.flags["cpuset.cpu_exclusive"]) && trial.cpus.meets(s.cpus) ||
				(trial.flags["cpuset.mem_exclusive"] || s.flags["cpuset.mem_exclusive"]) && trial.mems.meets(s.mems) {
				return unix.EINVAL
			}
		}
		if (!old.cpus.empty() && trial.cpus.empty() || !old.mems.empty() && trial.mems.empty()) && g.h.of.members.any(g) {
			return unix.ENOSPC
		}
	}
	g.state["cpuset"] = trial
	return nil
}

// isSubset is is_cpuset_subset: also nobody has alone what is not the other's alone.
func (c *cpuset) isSubset(other *cpuset) bool {
	only := func(name string) bool { return !c.flags[name] || other.flags[name] }
	return c.cpus.in(other.cpus) && c.mems.in(other.mems) &&
		only("cpuset.cpu_exclusive") && only("cpuset.mem_exclusive")
}
