package cgroup

import (
	"math"

	"golang.org/x/sys/unix"
)

// cpu is what a group of the controller cpu is set to, in its files' units.
type cpu struct {
	shares               uint64
	quota, period, burst uint64 // microseconds
	idle                 bool
}

const noQuota = math.MaxUint64

func freshCPU(*Group) any { return &cpu{shares: 1024, quota: noQuota, period: 100000} }

func (g *Group) cpu() *cpu { return g.state["cpu"].(*cpu) }

// cpuFiles are cpu_legacy_files in kernel/sched/core.c.
var cpuFiles = []spec{
	{name: "cpu.shares", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return line(g.cpu().shares), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err != nil {
				return err
			}
			if g.parent == nil {
				return unix.EINVAL
			}
			return g.setShares(n)
		}},
	{name: "cpu.cfs_quota_us", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) {
			if g.cpu().quota == noQuota {
				return "-1\n", nil
			}
			return line(g.cpu().quota), nil
		},
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseSigned(text)
			if err != nil {
				return err
			}
			quota := uint64(noQuota)
			if n >= 0 {
				quota = uint64(n)
			}
			return g.setBandwidth(g.cpu().period, quota, g.cpu().burst)
		}},
	{name: "cpu.cfs_period_us", mode: 0o644,
		read: func(g *Group, _ Caller) (string, error) { return line(g.cpu().period), nil },
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			if err != nil {
				return err
			}
			return g.setBandwidth(n, g.cpu().quota, g.cpu().burst)
		}},
	{name: "cpu.stat", mode: 0o444,
		read: func(*Group, Caller) (string, error) {
			return "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n", nil
		}},
}

// setShares is sched_group_set_shares.
func (g *Group) setShares(n uint64) error {
	if g.cpu().idle {
		return unix.EINVAL
	}
	g.cpu().shares = min(max(n, 2), 1<<18) // MIN_SHARES, MAX_SHARES
	return nil
}

// setBandwidth makes the checks of tg_set_cfs_bandwidth: a period of 1 ms to
// 1 s, a quota of at least 1 ms, and no more for a group than for the one above.
func (g *Group) setBandwidth(period, quota, burst uint64) error {
	const (
		least   = 1000
		longest = 1000000
		// most is max_cfs_runtime in microseconds: MAX_BW << BW_SHIFT, in whole ones.
		most = (1<<44 - 1) * 1000 / 1000
	)
	switch {
	case g.parent == nil,
		period < least, period > longest,
		quota != noQuota && (quota < least || quota > most || burst > quota || burst+quota > most):
		return unix.EINVAL
	}
	old := *g.cpu()
	g.cpu().period, g.cpu().quota, g.cpu().burst = period, quota, burst
	if !g.schedulable(g.parent.ratio()) {
		*g.cpu() = old
		return unix.EINVAL
	}
	return nil
}

// ratio is the part of a processor's time that a group may have, with 20 bits
// behind the point (to_ratio), bounded by those above it.
func (g *Group) ratio() uint64 {
	for ; g != nil; g = g.parent {
		if c := g.cpu(); c.quota != noQuota {
			return c.quota << 20 / c.period
		}
	}
	return noQuota
}

// schedulable tells whether no group from g on has more than the one above it.
func (g *Group) schedulable(above uint64) bool {
	c, own := g.cpu(), above
	if c.quota != noQuota {
		own = c.quota << 20 / c.period
		if above != noQuota && own > above {
			return false
		}
	}
	for _, child := range g.children {
		// Below in a unified tree the controller may not be enabled.
		if child.state["cpu"] != nil && !child.schedulable(own) {
			return false
		}
	}
	return true
}
