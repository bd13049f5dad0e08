package cgroup

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// coreFiles are in every group (cgroup1_base_files in kernel/cgroup/cgroup-v1.c).
var coreFiles = []spec{
	{name: "cgroup.clone_children", mode: 0o644,
		read:  func(g *Group, _ Caller) (string, error) { return bit(g.clone), nil },
		write: flag(func(g *Group, on bool) error { g.clone = on; return nil })},
	{name: "cgroup.procs", mode: 0o644, read: readProcs, depends: true, write: writeProcs},
	{name: "cgroup.sane_behavior", mode: 0o444, where: onRoot,
		read: func(*Group, Caller) (string, error) { return "0\n", nil }},
	{name: "notify_on_release", mode: 0o644,
		read:  func(g *Group, _ Caller) (string, error) { return bit(g.notify), nil },
		write: flag(func(g *Group, on bool) error { g.notify = on; return nil })},
	{name: "release_agent", mode: 0o644, where: onRoot,
		read: func(g *Group, _ Caller) (string, error) { return g.agent + "\n", nil },
		write: func(g *Group, who Caller, text string) error {
			if !who.Admin {
				return unix.EPERM
			}
			if len(text) > 4095 {
				return unix.E2BIG
			}
			g.agent = strip(text)
			return nil
		}},
	{name: "tasks", mode: 0o644, read: readTasks, depends: true, write: writeProcs},
}

// readProcs lists the processes of the group itself that the reader's pid
// namespace has, sorted.
func readProcs(g *Group, who Caller) (string, error) {
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return "", err
	}
	var ids []int
	for _, p := range hs.members.of(g) {
		if id, ok := who.shown(p.PID); ok {
			ids = append(ids, id)
		}
	}
	return lines(ids), nil
}

// readTasks lists their threads.
func readTasks(g *Group, who Caller) (string, error) {
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return "", err
	}
	var ids []int
	for _, p := range hs.members.of(g) {
		threads, err := hs.machine.Threads(p.PID)
		if err != nil {
			continue // it has just ended
		}
		for _, thread := range threads {
			if id, ok := who.shown(thread); ok {
				ids = append(ids, id)
			}
		}
	}
	return lines(ids), nil
}

func lines(ids []int) string {
	slices.Sort(ids)
	var b strings.Builder
	for _, id := range ids {
		b.WriteString(strconv.Itoa(id))
		b.WriteByte('\n')
	}
	return b.String()
}

// writeProcs moves a process into the group (__cgroup1_procs_write). A thread
// brings its whole process along, also through tasks, where the kernel would
// move the thread alone.
func writeProcs(g *Group, who Caller, text string) error {
	n, err := parseSigned(strip(text))
	if err != nil || n < 0 || n > math.MaxInt32 {
		return unix.EINVAL
	}
	hs := g.h.of
	if err := hs.refresh(0); err != nil {
		return err
	}
	pid := who.PID
	if n > 0 {
		var ok bool
		if pid, ok = who.meant(int(n)); !ok {
			return unix.ESRCH
		}
	}
	p := hs.members.withThread(hs.machine, pid)
	if p == nil {
		return unix.ESRCH
	}
	if who.UID != 0 && who.Owner != nil {
		// "Even if we're attaching all tasks in the thread group, we only need to
		// check permissions on one of them."
		if uid, saved, ok := who.Owner(p.PID); !ok || who.UID != uid && who.UID != saved {
			return unix.EACCES
		}
	}
	if p.groups[g.h.index] == g {
		return nil
	}
	if g.h.kinds[0].attach != nil {
		if err := g.h.kinds[0].attach(g); err != nil {
			return err
		}
	}
	p.groups = slices.Clone(p.groups)
	p.groups[g.h.index] = g
	g.h.note()
	return nil
}

// withThread is the process that has a thread of that number.
func (m *members) withThread(machine Machine, id int) *member {
	if p := m.all[id]; p != nil {
		return p
	}
	for _, p := range m.all {
		if p.Threads < 2 {
			continue
		}
		if threads, err := machine.Threads(p.PID); err == nil && slices.Contains(threads, id) {
			return p
		}
	}
	return nil
}
