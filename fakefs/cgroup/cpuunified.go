package cgroup

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// cpuUnifiedFiles are cpu_files in kernel/sched/core.c.
var cpuUnifiedFiles = []spec{
	{name: "cpu.weight", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return line(g.weight()), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			switch {
			case err != nil:
				return err
			case n < 1 || n > 10000: // CGROUP_WEIGHT_MIN, CGROUP_WEIGHT_MAX
				return unix.ERANGE
			}
			return g.setShares(rounded(n*1024, 100))
		}},
	{name: "cpu.weight.nice", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return line(g.nice()), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseSigned(text)
			switch {
			case err != nil:
				return err
			case n < -20 || n > 19:
				return unix.ERANGE
			}
			return g.setShares(niceWeights[n+20])
		}},
	{name: "cpu.idle", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return bit(g.cpu().idle), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseSigned(text)
			switch {
			case err != nil:
				return err
			case n < 0 || n > 1:
				return unix.EINVAL
			case g.cpu().idle != (n == 1):
				g.cpu().idle, g.cpu().shares = n == 1, 1024
			}
			return nil
		}},
	{name: "cpu.max", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) {
			if g.cpu().quota == noQuota {
				return fmt.Sprintf("max %d\n", g.cpu().period), nil
			}
			return fmt.Sprintf("%d %d\n", g.cpu().quota, g.cpu().period), nil
		},
		write: func(g *Group, _ Caller, text string) error {
			quota, period, err := parseMax(text, g.cpu().period)
			if err != nil {
				return err
			}
			return g.setBandwidth(period, quota, g.cpu().burst)
		}},
	{name: "cpu.max.burst", mode: 0o644, where: belowRoot,
		read: func(g *Group, _ Caller) (string, error) { return line(g.cpu().burst), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err != nil {
				return err
			}
			return g.setBandwidth(g.cpu().period, g.cpu().quota, n)
		}},
}

func rounded(n, by uint64) uint64 { return (n + by/2) / by }

// weight is tg_weight in the unit of cgroup v2: 0 for a group that only runs when
// nobody else does.
func (g *Group) weight() uint64 {
	if g.cpu().idle {
		return rounded(3*100, 1024) // WEIGHT_IDLEPRIO
	}
	return rounded(g.cpu().shares*100, 1024)
}

// niceWeights is sched_prio_to_weight in kernel/sched/core.c.
var niceWeights = [40]uint64{
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916,
	9548, 7620, 6100, 4904, 3906, 3121, 2501, 1991, 1586, 1277,
	1024, 820, 655, 526, 423, 335, 272, 215, 172, 137,
	110, 87, 70, 56, 45, 36, 29, 23, 18, 15,
}

// nice is the nice value whose weight is nearest (cpu_weight_nice_read_s64).
func (g *Group) nice() int64 {
	weight := g.cpu().shares
	if g.cpu().idle {
		weight = 3
	}
	nearest, best := int64(0), uint64(1<<63)
	for i, w := range niceWeights {
		if d := max(w, weight) - min(w, weight); d < best {
			nearest, best = int64(i)-20, d
		}
	}
	return nearest
}

// parseMax is cpu_period_quota_parse: "QUOTA PERIOD" by sscanf(3), of which the
// second may be missing.
func parseMax(text string, period uint64) (quota, newPeriod uint64, err error) {
	var word, second string
	n, _ := fmt.Sscan(text, &word, &second)
	if n < 1 {
		return 0, 0, unix.EINVAL
	}
	quota = noQuota
	if word != "max" {
		if quota, err = leading(word); err != nil {
			return 0, 0, unix.EINVAL
		}
		quota = min(quota, noQuota-1) // too much, and not none
	}
	if n == 2 {
		if p, err := leading(second); err == nil {
			period = p
		}
	}
	return quota, period, nil
}

// leading is the number that a word begins with, as "%llu" reads it.
func leading(word string) (uint64, error) {
	i := 0
	for i < len(word) && isDigit(word[i], 10) {
		i++
	}
	if i == 0 {
		return 0, unix.EINVAL
	}
	return wrapping(word[:i], 10), nil
}
