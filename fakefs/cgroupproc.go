package fakefs

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// lastHierarchy is the highest number in /proc/cgroups.
func lastHierarchy(cgroups []byte) (last int) {
	eachLine(cgroups, func(line []byte, _ bool) {
		if f := bytes.Fields(line); len(f) > 1 {
			if n, err := strconv.Atoi(string(f[1])); err == nil {
				last = max(last, n)
			}
		}
	})
	return last
}

// cgroupsFile is /proc/cgroups: the real one where it lists anything, else the
// controllers that the reader sees mounted; and those that are served.
func cgroupsFile(g *generated, v View) ([]byte, error) {
	real, err := optional(v.Real())
	if err != nil {
		return nil, err
	}
	c := g.tree.cgroups
	out := []byte("#subsys_name\thierarchy\tnum_cgroups\tenabled\n")
	if c != nil && c.unified() {
		return c.appendUnified(out), nil
	}
	if bytes.Count(bytes.TrimSpace(real), []byte("\n")) == 0 {
		mountinfo, err := v.ReadFile("/proc/self/mountinfo")
		if err != nil {
			return nil, err
		}
		out = appendMounted(out, mountinfo)
	} else if c == nil {
		return real, nil
	} else {
		eachLine(real, func(line []byte, _ bool) {
			name, _, _ := bytes.Cut(line, []byte("\t"))
			if line[0] != '#' && c.Of(string(name)) == nil {
				out = append(append(out, line...), '\n')
			}
		})
	}
	if c != nil {
		for _, h := range c.All() {
			out = fmt.Appendf(out, "%s\t%d\t%d\t1\n", h.Controller, h.ID, h.Groups())
		}
	}
	return out, nil
}

// appendUnified appends the lines of a kernel whose controllers are all in the
// unified hierarchy, number 0, also those that it has under no name there: what
// cpuacct and freezer did is in every group, and devices is for programs of eBPF.
func (c *cgroups) appendUnified(out []byte) []byte {
	served := c.Controllers()
	for _, name := range []string{"cpuset", "cpu", "cpuacct", "io", "memory", "devices", "freezer", "hugetlb", "pids", "misc"} {
		if slices.Contains(cgroup.UnifiedControllers(), name) && !slices.Contains(served, name) {
			continue
		}
		if name == "io" {
			name = "blkio" // legacy_name in block/blk-cgroup.c
		}
		out = fmt.Appendf(out, "%s\t0\t%d\t1\n", name, c.All()[0].Groups())
	}
	return out
}

// processCgroups is /proc/PID/cgroup: the served hierarchies, and what the
// kernel says of others, from the highest number to the lowest.
func processCgroups(g *generated, v View) ([]byte, error) {
	real, err := optional(v.Real())
	if err != nil {
		return nil, err
	}
	c := g.tree.cgroups
	if c == nil {
		return real, nil
	}
	pid := 0
	if part, _, ok := strings.Cut(strings.TrimPrefix(g.name, "/proc/"), "/"); ok {
		pid, _ = strconv.Atoi(part)
	}
	reader := pid
	if who, err := callerOf(v); err == nil {
		reader = who.PID
	}
	paths, err := c.InGroups(pid, reader)
	if err != nil {
		return nil, err
	}
	if c.unified() {
		return fmt.Appendf(nil, "0::%s\n", paths[0]), nil
	}
	var out []byte
	for i := len(paths) - 1; i >= 0; i-- {
		h := c.All()[i]
		out = fmt.Appendf(out, "%d:%s:%s\n", h.ID, h.Controller, paths[i])
	}
	eachLine(real, func(line []byte, _ bool) {
		_, rest, _ := bytes.Cut(line, []byte(":"))
		names, _, _ := bytes.Cut(rest, []byte(":"))
		for name := range strings.SplitSeq(string(names), ",") {
			if c.Of(name) != nil {
				return
			}
		}
		out = append(append(out, line...), '\n')
	})
	return out, nil
}
