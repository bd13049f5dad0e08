package cgroup

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// cpuacctFiles are those of kernel/sched/cpuacct.c. Which processor did what
// is not known: each is given an even part, so that every figure only grows.
var cpuacctFiles = []spec{
	{name: "cpuacct.usage", mode: 0o644,
		read: times(func(g *Group, user, system uint64) string { return line(user + system) }),
		write: func(g *Group, _ Caller, text string) error {
			n, err := parseUnsigned(text)
			switch {
			case err != nil:
				return err
			case n != 0:
				return unix.EINVAL // "Only allow '0' here to do a reset."
			}
			if err := g.h.of.refresh(0); err != nil {
				return err
			}
			g.used.userReset, g.used.systemReset = g.used.user, g.used.system
			return nil
		}},
	{name: "cpuacct.usage_user", mode: 0o444,
		read: times(func(_ *Group, user, _ uint64) string { return line(user) })},
	{name: "cpuacct.usage_sys", mode: 0o444,
		read: times(func(_ *Group, _, system uint64) string { return line(system) })},
	{name: "cpuacct.usage_percpu", mode: 0o444,
		read: times(func(g *Group, user, system uint64) string { return g.perCPU(user + system) })},
	{name: "cpuacct.usage_percpu_user", mode: 0o444,
		read: times(func(g *Group, user, _ uint64) string { return g.perCPU(user) })},
	{name: "cpuacct.usage_percpu_sys", mode: 0o444,
		read: times(func(g *Group, _, system uint64) string { return g.perCPU(system) })},
	{name: "cpuacct.usage_all", mode: 0o444,
		read: times(func(g *Group, user, system uint64) string {
			var b strings.Builder
			b.WriteString("cpu user system\n")
			n := g.h.of.machine.CPUs()
			users, systems := Split(user, n), Split(system, n)
			for i := range n {
				fmt.Fprintf(&b, "%d %d %d\n", i, users[i], systems[i])
			}
			return b.String()
		})},
	{name: "cpuacct.stat", mode: 0o444,
		read: times(func(_ *Group, user, system uint64) string {
			const tick = 1e7 // USER_HZ is 100
			return fmt.Sprintf("user %d\nsystem %d\n", user/tick, system/tick)
		})},
}

// times reads what the group and those below it have used, in nanoseconds.
func times(tell func(g *Group, user, system uint64) string) func(*Group, Caller) (string, error) {
	return func(g *Group, _ Caller) (string, error) {
		if err := g.h.of.refresh(g.h.of.fresh()); err != nil {
			return "", err
		}
		return tell(g, g.used.user-g.used.userReset, g.used.system-g.used.systemReset), nil
	}
}

func (g *Group) perCPU(total uint64) string {
	var b strings.Builder
	for _, share := range Split(total, g.h.of.machine.CPUs()) {
		fmt.Fprintf(&b, "%d ", share)
	}
	return b.String() + "\n"
}

// Split divides a sum into even parts; the first ones bear the remainder.
func Split(sum uint64, parts int) []uint64 {
	shares := make([]uint64, parts)
	for i := range shares {
		shares[i] = sum / uint64(parts)
		if uint64(i) < sum%uint64(parts) {
			shares[i]++
		}
	}
	return shares
}
