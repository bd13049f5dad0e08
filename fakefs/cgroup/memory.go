package cgroup

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// memory is what a group of that controller is set to; limits are in pages.
type memory struct {
	limit, soft, kernel, tcp uint64
	swappiness               uint64
	oomDisabled              bool
	move                     uint64
}

func freshMemory(g *Group) any {
	m := &memory{limit: unlimited, soft: unlimited, kernel: unlimited, tcp: unlimited, swappiness: 60}
	if g.parent != nil {
		m.swappiness, m.oomDisabled = g.parent.memory().swappiness, g.parent.memory().oomDisabled
	}
	return m
}

func (g *Group) memory() *memory { return g.state["memory"].(*memory) }

// memoryFiles are mem_cgroup_legacy_files in mm/memcontrol-v1.c, but those
// about swap: without swap accounting there are none.
var memoryFiles = []spec{
	{name: "memory.usage_in_bytes", mode: 0o444, read: func(g *Group, _ Caller) (string, error) {
		n, err := g.usage(true)
		return line(n), err
	}},
	{name: "memory.max_usage_in_bytes", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) {
			n, err := g.usage(true)
			return line(max(n, g.used.most)), err
		},
		write: func(g *Group, _ Caller, _ string) error {
			n, err := g.usage(false)
			g.used.most = n
			return err
		}},
	limit("memory.limit_in_bytes", func(m *memory) *uint64 { return &m.limit }),
	limit("memory.soft_limit_in_bytes", func(m *memory) *uint64 { return &m.soft }),
	counter("memory.failcnt"),
	{name: "memory.stat", mode: 0o444, read: memoryStat},
	{name: "memory.force_empty", mode: 0o200, write: func(g *Group, _ Caller, _ string) error {
		if g.parent == nil {
			return unix.EINVAL
		}
		return nil
	}},
	{name: "memory.use_hierarchy", mode: 0o644,
		read: func(*Group, Caller) (string, error) { return "1\n", nil },
		write: func(_ *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err == nil && n != 1 {
				err = unix.EINVAL
			}
			return err
		}},
	{name: "cgroup.event_control", mode: 0o222, write: func(_ *Group, _ Caller, text string) error {
		var event, control int
		if n, _ := fmt.Sscanf(text, "%d %d", &event, &control); n < 2 {
			return unix.EINVAL
		}
		return nil
	}},
	{name: "memory.swappiness", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return line(g.memory().swappiness), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err == nil && n > 200 {
				err = unix.EINVAL
			}
			if err == nil {
				g.memory().swappiness = n
			}
			return err
		}},
	{name: "memory.move_charge_at_immigrate", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return line(g.memory().move), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err == nil && n != 0 {
				err = unix.EINVAL // deprecated: only 0 is taken
			}
			return err
		}},
	{name: "memory.oom_control", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) {
			return "oom_kill_disable " + bit(g.memory().oomDisabled) + "under_oom 0\noom_kill 0\n", nil
		},
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err != nil {
				return err
			}
			if g.parent == nil || n > 1 {
				return unix.EINVAL
			}
			g.memory().oomDisabled = n == 1
			return nil
		}},
	{name: "memory.pressure_level", mode: 0},
	{name: "memory.numa_stat", mode: 0o444, read: func(g *Group, _ Caller) (string, error) {
		n, err := g.usage(true)
		var b strings.Builder
		for _, prefix := range []string{"", "hierarchical_"} {
			for _, kind := range []string{"total", "file", "anon", "unevictable"} {
				pages := uint64(0)
				if kind == "total" || kind == "anon" {
					pages = n / pageSize
				}
				fmt.Fprintf(&b, "%s%s=%d N0=%d\n", prefix, kind, pages, pages)
			}
		}
		return b.String(), err
	}},
	limit("memory.kmem.limit_in_bytes", func(m *memory) *uint64 { return &m.kernel }),
	zero("memory.kmem.usage_in_bytes"),
	counter("memory.kmem.failcnt"),
	counter("memory.kmem.max_usage_in_bytes"),
	limit("memory.kmem.tcp.limit_in_bytes", func(m *memory) *uint64 { return &m.tcp }),
	zero("memory.kmem.tcp.usage_in_bytes"),
	counter("memory.kmem.tcp.failcnt"),
	counter("memory.kmem.tcp.max_usage_in_bytes"),
}

// limit is a file with a limit in bytes (mem_cgroup_write).
func limit(name string, of func(*memory) *uint64) spec {
	return spec{name: name, mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) {
			pages := *of(g.memory())
			if m, ok := g.h.of.machine.(Limited); ok && g.parent == nil && name == "memory.limit_in_bytes" {
				pages = min(pages, m.Limit()/pageSize)
			}
			return line(pages * pageSize), nil
		},
		write: func(g *Group, _ Caller, text string) error {
			pages, err := parseBytes(text, "-1")
			if err != nil {
				return err
			}
			if g.parent == nil && name != "memory.soft_limit_in_bytes" {
				return unix.EINVAL // "Can't set limit on root"
			}
			if name == "memory.limit_in_bytes" {
				used, err := g.usage(false)
				if err != nil {
					return err
				}
				if used > pages*pageSize {
					return unix.EBUSY // the kernel would try to swap first
				}
			}
			*of(g.memory()) = pages
			return nil
		}}
}

// counter is a figure that stays 0, and that any write sets back to it.
func counter(name string) spec {
	s := zero(name)
	s.mode = 0o644
	s.write = func(*Group, Caller, string) error { return nil }
	return s
}

func zero(name string) spec {
	return spec{name: name, mode: 0o444, read: func(*Group, Caller) (string, error) { return "0\n", nil }}
}

// usage is the resident memory of the processes in the group and below, no
// more than there is: what they share is counted for each.
func (g *Group) usage(recent bool) (uint64, error) {
	age := g.h.of.fresh()
	if !recent {
		age = 0
	}
	if err := g.h.of.refresh(age); err != nil {
		return 0, err
	}
	sum := g.below(func(p *member) uint64 { return p.RSS })
	return min(sum, g.h.of.machine.Memory()) &^ (pageSize - 1), nil
}

// memoryStat is memory.stat: of what is in use nothing more is known, so all
// of it is anonymous memory; "total_" figures are those of the groups below too.
func memoryStat(g *Group, _ Caller) (string, error) {
	total, err := g.usage(true)
	if err != nil {
		return "", err
	}
	own := uint64(0)
	for _, p := range g.h.of.members.of(g) {
		own += p.RSS
	}
	own = min(own, total) &^ (pageSize - 1)
	limit := uint64(unlimited)
	for up := g; up != nil; up = up.parent {
		limit = min(limit, up.memory().limit)
	}
	var b strings.Builder
	for _, part := range []struct {
		prefix string
		value  uint64
	}{{"", own}, {"total_", total}} {
		for _, key := range []string{
			"cache", "rss", "rss_huge", "shmem", "mapped_file", "dirty", "writeback",
			"pgpgin", "pgpgout", "pgfault", "pgmajfault",
			"inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
		} {
			value := uint64(0)
			if key == "rss" || key == "active_anon" {
				value = part.value
			}
			fmt.Fprintf(&b, "%s%s %d\n", part.prefix, key, value)
		}
		if part.prefix == "" {
			fmt.Fprintf(&b, "hierarchical_memory_limit %d\n", limit*pageSize)
		}
	}
	return b.String(), nil
}
