package cgroup

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// memoryUnified is what a group of the controller is set to, in pages by the
// file's name, and whether one that is killed takes all with it.
type memoryUnified struct {
	set      map[string]uint64
	oomGroup bool
}

func freshMemoryUnified(*Group) any { return &memoryUnified{set: map[string]uint64{}} }

func (g *Group) memoryUnified() *memoryUnified { return g.state["memory"].(*memoryUnified) }

// memoryUnifiedFiles are memory_files and swap_files in mm/memcontrol.c. There is
// no swap, and what is set is kept and not enforced.
var memoryUnifiedFiles = []spec{
	{name: "memory.current", mode: 0o444, where: belowRoot, read: func(g *Group, _ Caller) (string, error) {
		n, err := g.usage(true)
		return line(n), err
	}},
	{name: "memory.peak", mode: 0o444, where: belowRoot, read: func(g *Group, _ Caller) (string, error) {
		n, err := g.usage(true)
		return line(max(n, g.used.most)), err
	}},
	amount("memory.min", 0),
	amount("memory.low", 0),
	amount("memory.high", unlimited),
	amount("memory.max", unlimited),
	fixedFile("memory.events", belowRoot, memoryEvents),
	fixedFile("memory.events.local", belowRoot, memoryEvents),
	{name: "memory.stat", mode: 0o444, read: memoryStatUnified},
	{name: "memory.numa_stat", mode: 0o444, read: func(g *Group, _ Caller) (string, error) {
		n, err := g.usage(true)
		return fmt.Sprintf("anon N0=%d\nfile N0=0\n", n), err
	}},
	{name: "memory.oom.group", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.memoryUnified().oomGroup), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseInt(text)
			if err == nil && n != 0 && n != 1 {
				err = unix.EINVAL
			}
			if err == nil {
				g.memoryUnified().oomGroup = n == 1
			}
			return err
		}},
	{name: "memory.reclaim", mode: 0o200, write: func(_ *Group, _ Caller, text string) error {
		if _, err := parseBytes(text, ""); err != nil {
			return err
		}
		return unix.EAGAIN // as much could not be reclaimed
	}},
	fixedFile("memory.swap.current", belowRoot, "0\n"),
	fixedFile("memory.swap.peak", belowRoot, "0\n"),
	amount("memory.swap.high", unlimited),
	amount("memory.swap.max", unlimited),
	fixedFile("memory.swap.events", belowRoot, "high 0\nmax 0\nfail 0\n"),
}

const memoryEvents = "low 0\nhigh 0\nmax 0\noom 0\noom_kill 0\noom_group_kill 0\n"

// fixedFile is one that always says the same.
func fixedFile(name string, in where, text string) spec {
	return spec{name: name, mode: 0o444, where: in, read: func(*Group, Caller) (string, error) { return text, nil }}
}

// amount is a file with an amount of memory, or "max" (memory_max_write and kin).
func amount(name string, unset uint64) spec {
	return spec{name: name, mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			pages, ok := g.memoryUnified().set[name]
			if !ok {
				pages = unset
			}
			if pages == unlimited {
				return "max\n", nil
			}
			return line(pages * pageSize), nil
		},
		write: func(g *Group, _ Caller, text string) error {
			pages, err := parseBytes(text, "max")
			if err == nil {
				g.memoryUnified().set[name] = pages
			}
			return err
		}}
}

// memoryStatKeys are those of memory.stat (memory_stats in mm/memcontrol.c, in
// cgroup-v2.rst).
var memoryStatKeys = []string{
	"anon", "file", "kernel", "kernel_stack", "pagetables", "sec_pagetables", "percpu", "sock", "vmalloc", "shmem",
	"zswap", "zswapped", "file_mapped", "file_dirty", "file_writeback", "swapcached", "anon_thp", "file_thp", "shmem_thp",
	"inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable", "slab_reclaimable", "slab_unreclaimable", "slab",
	"workingset_refault_anon", "workingset_refault_file", "workingset_activate_anon", "workingset_activate_file",
	"workingset_restore_anon", "workingset_restore_file", "workingset_nodereclaim",
	"pgscan", "pgsteal", "pgfault", "pgmajfault", "pgrefill", "pgactivate", "pgdeactivate", "pglazyfree", "pglazyfreed",
	"thp_fault_alloc", "thp_collapse_alloc",
}

// memoryStatUnified is memory.stat: of what is in use nothing more is known, so
// all of it is anonymous memory.
func memoryStatUnified(g *Group, _ Caller) (string, error) {
	used, err := g.usage(true)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, key := range memoryStatKeys {
		value := uint64(0)
		if key == "anon" || key == "active_anon" {
			value = used
		}
		fmt.Fprintf(&b, "%s %d\n", key, value)
	}
	return b.String(), nil
}
