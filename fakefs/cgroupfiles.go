package fakefs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// usagePercpu is cgroup v1's cpuacct.usage_percpu, "N N \n" (kernel/sched/cpuacct.c):
// the group's time in nanoseconds, spread evenly, so that each figure only grows.
func usagePercpu(g *generated, v View) ([]byte, error) {
	total, err := g.number(v, "cpuacct.usage")
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, share := range cgroup.Split(total, cpuCount(v)) {
		out = append(strconv.AppendUint(out, share, 10), ' ')
	}
	return append(out, '\n'), nil
}

// usageAll is cpuacct.usage_all: a header, then "CPU USER SYSTEM" lines.
func usageAll(g *generated, v View) ([]byte, error) {
	user, err := g.number(v, "cpuacct.usage_user")
	if err != nil {
		return nil, err
	}
	system, err := g.number(v, "cpuacct.usage_sys")
	if err != nil {
		return nil, err
	}
	cpus := cpuCount(v)
	users, systems := cgroup.Split(user, cpus), cgroup.Split(system, cpus)
	out := []byte("cpu user system\n")
	for i := range cpus {
		out = fmt.Appendf(out, "%d %d %d\n", i, users[i], systems[i])
	}
	return out, nil
}

// number reads a sibling that holds one number.
func (g *generated) number(v View, sibling string) (uint64, error) {
	data, err := g.sibling(v, sibling)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(string(bytes.TrimSpace(data)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s beside %s: %w", sibling, g.name, err)
	}
	return n, nil
}

// memoryStatKeys are the figures of memory.stat (cgroup v1's memory.rst),
// each also as total_…; those that are not usage are 0.
var memoryStatKeys = []string{
	"cache", "rss", "rss_huge", "shmem", "mapped_file", "dirty", "writeback", "swap",
	"pgpgin", "pgpgout", "pgfault", "pgmajfault",
	"inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable",
}

// memoryStat is cgroup v1's memory.stat for a group of which only the usage is
// known: all of it is anonymous memory in use.
func memoryStat(g *generated, v View) ([]byte, error) {
	usage, err := g.number(v, "memory.usage_in_bytes")
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, prefix := range []string{"", "total_"} {
		for _, key := range memoryStatKeys {
			value := uint64(0)
			if key == "rss" || key == "active_anon" {
				value = usage
			}
			out = fmt.Appendf(out, "%s%s %d\n", prefix, key, value)
		}
		if prefix == "" {
			out = append(out, "hierarchical_memory_limit 9223372036854771712\n"...)
		}
	}
	return out, nil
}

func memoryUsage(g *generated, v View) ([]byte, error) {
	usage, err := g.number(v, "memory.usage_in_bytes")
	return append(strconv.AppendUint(nil, usage, 10), '\n'), err
}

// controllers are those of cgroup v1 (include/linux/cgroup_subsys.h).
var controllers = []string{
	"cpuset", "cpu", "cpuacct", "blkio", "memory", "devices", "freezer",
	"net_cls", "perf_event", "net_prio", "hugetlb", "pids", "rdma", "misc", "job",
}

// appendMounted appends lines of /proc/cgroups for the controllers that are
// mounted, numbered in the order of mountinfo.
func appendMounted(out, mountinfo []byte) []byte {
	hierarchy := 0
	eachLine(mountinfo, func(line []byte, _ bool) {
		m, ok := parseMount(line)
		if !ok || string(m.typ) != "cgroup" {
			return
		}
		hierarchy++
		for option := range strings.SplitSeq(string(m.options), ",") {
			if slices.Contains(controllers, option) {
				out = fmt.Appendf(out, "%s\t%d\t1\t1\n", option, hierarchy)
			}
		}
	})
	return out
}
