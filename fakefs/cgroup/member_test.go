package cgroup

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func paths(t *testing.T, hs *Hierarchies, pid int) string {
	t.Helper()
	all, err := hs.InGroups(pid, pid)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestChildrenBeginWhereTheirParentIs: whatever is asked first, and also when
// the parent moves on or ends before anybody looks.
func TestChildrenBeginWhereTheirParentIs(t *testing.T) {
	m, hs := newFake(t)
	h := hs.Of("pids")
	a, b := h.make(t, "a"), h.make(t, "a", "b")
	m.run(10, 1)
	if err := a.put(t, "cgroup.procs", "10\n"); err != nil {
		t.Fatal(err)
	}
	m.run(11, 10).run(12, 11)
	if err := b.put(t, "cgroup.procs", "10"); err != nil {
		t.Fatal(err)
	}
	if got := a.get(t, "cgroup.procs"); got != "11\n12\n" {
		t.Errorf("a has %q: children that were there before the move stay", got)
	}
	if got := b.get(t, "cgroup.procs"); got != "10\n" {
		t.Errorf("b has %q", got)
	}
	// A backend tells of a fork, then both older ones end.
	hs.Forked(12, 13)
	hs.Forked(13, 14)
	m.run(13, 12).run(14, 13)
	m.end(12)
	m.end(13)
	m.change(14, func(p *Process) { p.Group, p.Session = 14, 14 }) // setsid
	if got := a.get(t, "tasks"); got != "11\n14\n" {
		t.Errorf("a has %q: a daemon stays in its ancestors' group", got)
	}
	// Without that, kin tells.
	m.run(15, 14)
	m.end(14)
	_ = a.get(t, "tasks")
	m.run(16, 15)
	m.end(15)
	if got := a.get(t, "tasks"); got != "11\n16\n" {
		t.Errorf("a has %q: a child whose parent went unseen is where its session is", got)
	}
	if got := paths(t, hs, 16); got != "/ / / / / / /a" {
		t.Errorf("16 is in %s", got)
	}
}

func TestNumbersUsedAgain(t *testing.T) {
	m, hs := newFake(t)
	a := hs.Of("cpu").make(t, "a")
	m.run(10, 1)
	if err := a.put(t, "tasks", "10"); err != nil {
		t.Fatal(err)
	}
	m.end(10)
	m.run(10, 1)
	m.change(10, func(p *Process) { p.Start = 99 })
	if got := a.get(t, "cgroup.procs"); got != "" {
		t.Errorf("another process with the number is in the group: %q", got)
	}
}

func TestMoves(t *testing.T) {
	m, hs := newFake(t)
	a := hs.Of("pids").make(t, "a")
	m.run(10, 1)
	m.change(10, func(p *Process) { p.Threads = 3 })
	for _, c := range []struct {
		text string
		who  Caller
		want error
	}{
		{"12", root, nil}, // a thread brings its process
		{"11\n", root, nil},
		{" 10 ", root, nil},
		{"0", Caller{PID: 10}, nil},
		{"0", Caller{PID: 99}, unix.ESRCH},
		{"13", root, unix.ESRCH},
		{"-1", root, unix.EINVAL},
		{"", root, unix.EINVAL},
		{"x", root, unix.EINVAL},
		{"1 2", root, unix.EINVAL},
		{"99999999999", root, unix.EINVAL},
		{"5", Caller{PID: 1, Meant: func(id int) (int, bool) { return id + 5, id == 5 }}, nil},
		{"6", Caller{PID: 1, Meant: func(id int) (int, bool) { return id + 5, id == 5 }}, unix.ESRCH},
		{"10", Caller{PID: 1, UID: 7, Owner: func(int) (uint32, uint32, bool) { return 8, 9, true }}, unix.EACCES},
		{"10", Caller{PID: 1, UID: 9, Owner: func(int) (uint32, uint32, bool) { return 8, 9, true }}, nil},
	} {
		_ = hs.Of("pids").Root().put(t, "tasks", "10")
		n, err := a.file("tasks").Write(c.who, []byte(c.text))
		if c.text == "" {
			c.want = nil // nothing is written
		}
		if err != c.want || err == nil && n != len(c.text) {
			t.Errorf("write(%q) by %+v = %d %v, want %v", c.text, c.who, n, err, c.want)
		}
		if in := a.get(t, "cgroup.procs") == "10\n"; in != (c.want == nil && c.text != "") {
			t.Errorf("write(%q): in the group: %v", c.text, in)
		}
	}
	m.broken = true
	if err := a.put(t, "tasks", "10"); err == nil {
		t.Error("a move succeeds without /proc")
	}
}

func TestShownNumbers(t *testing.T) {
	m, hs := newFake(t)
	m.run(10, 1).run(11, 1)
	who := Caller{Shown: func(id int) (int, bool) { return id - 9, id >= 10 }}
	for _, file := range []string{"cgroup.procs", "tasks"} {
		if text, err := hs.Of("pids").Root().file(file).Read(who); err != nil || string(text) != "1\n2\n" {
			t.Errorf("%s: %q, %v", file, text, err)
		}
	}
}

func TestRemove(t *testing.T) {
	m, hs := newFake(t)
	h := hs.Of("pids")
	a, b := h.make(t, "a"), h.make(t, "a", "b")
	m.run(10, 1)
	if err := b.put(t, "cgroup.procs", "10"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   *Group
		name string
		want error
	}{{h.Root(), "a", unix.EBUSY}, {a, "b", unix.EBUSY}, {a, "tasks", unix.ENOTDIR}, {a, "c", unix.ENOENT}} {
		if err := c.in.Remove(c.name); err != c.want {
			t.Errorf("remove %s: %v, want %v", c.name, err, c.want)
		}
	}
	m.end(10)
	if err := a.Remove("b"); err != nil {
		t.Error(err)
	}
	if h.Groups() != 2 {
		t.Errorf("%d groups", h.Groups())
	}
	if _, err := b.file("tasks").Read(root); err != unix.ENODEV {
		t.Errorf("a file of a removed group: %v", err)
	}
	if err := b.put(t, "pids.max", "1"); err != unix.ENODEV {
		t.Errorf("a write to one: %v", err)
	}
	if err := b.Make("c", 0o755, root); err != unix.ENOENT {
		t.Errorf("a group in it: %v", err)
	}
}

func TestFigures(t *testing.T) {
	m, hs := newFake(t)
	acct, memory := hs.Of("cpuacct").make(t, "a"), hs.Of("memory").make(t, "a", "b")
	m.run(10, 1)
	m.change(10, func(p *Process) { p.User, p.System, p.RSS = 3e9, 1e9, 10<<20 })
	for _, g := range []*Group{acct, memory} {
		if err := g.put(t, "cgroup.procs", "10"); err != nil {
			t.Fatal(err)
		}
	}
	want := func(g *Group, file, text string) {
		t.Helper()
		hs.members.looked = hs.members.looked.Add(-hs.fresh())
		if got := g.get(t, file); !strings.HasPrefix(got, text) {
			t.Errorf("%s: %q, want %q", file, got, text)
		}
	}
	top := hs.Of("cpuacct").Root()
	want(acct, "cpuacct.usage", "0\n") // it was used elsewhere
	want(top, "cpuacct.usage", "4000000000\n")
	m.change(10, func(p *Process) { p.User, p.System = 4e9+1, 1e9+50 })
	want(acct, "cpuacct.usage", "1000000051\n")
	want(acct, "cpuacct.usage_percpu", "500000026 500000025 \n")
	want(acct, "cpuacct.usage_all", "cpu user system\n0 500000001 25\n1 500000000 25\n")
	want(acct, "cpuacct.stat", "user 100\nsystem 0\n")
	want(top, "cpuacct.usage_user", "4000000001\n")
	if err := acct.put(t, "cpuacct.usage", "0"); err != nil {
		t.Error(err)
	}
	want(acct, "cpuacct.usage", "0\n")
	m.change(10, func(p *Process) { p.User += 5; p.RSS = 4 << 20 })
	want(acct, "cpuacct.usage", "5\n")

	above := hs.Of("memory").Root().children["a"]
	want(memory, "memory.usage_in_bytes", "4194304\n")
	want(memory, "memory.max_usage_in_bytes", "10485760\n")
	want(above, "memory.usage_in_bytes", "4194304\n")
	want(above, "memory.stat", "cache 0\nrss 0\n")
	if err := above.put(t, "memory.limit_in_bytes", "8M"); err != nil {
		t.Error(err)
	}
	if got := memory.get(t, "memory.stat"); !strings.Contains(got, "\nhierarchical_memory_limit 8388608\n") || !strings.Contains(got, "\nrss 4194304\n") || !strings.Contains(got, "\ntotal_rss 4194304\n") {
		t.Errorf("memory.stat: %s", got)
	}
	if err := memory.put(t, "memory.limit_in_bytes", "1M"); err != unix.EBUSY {
		t.Errorf("a limit below what is used: %v", err)
	}
	m.change(10, func(p *Process) { p.RSS = 5 << 30 })
	want(memory, "memory.usage_in_bytes", "1073741824\n") // there is no more
	m.end(10)
	want(memory, "memory.usage_in_bytes", "0\n")
	want(acct, "cpuacct.usage", "5\n")
	want(memory, "memory.max_usage_in_bytes", "1073741824\n")
}
