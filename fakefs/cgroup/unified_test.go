package cgroup

import (
	"testing"

	"golang.org/x/sys/unix"
)

func newFakeUnified(t testing.TB) (*fakeMachine, *Hierarchy) {
	t.Helper()
	m := &fakeMachine{processes: map[int]Process{}}
	m.run(1, 0)
	hs, err := NewUnified(m, UnifiedControllers())
	if err != nil {
		t.Fatal(err)
	}
	h := hs.All()[0]
	if err := h.Root().put(t, "cgroup.subtree_control", "+cpu +cpuset +memory +pids +io +hugetlb +misc"); err != nil {
		t.Fatal(err)
	}
	return m, h
}

// TestUnifiedValues: what Linux 6.1 said to each of these, one after the other. The
// machines that test have few controllers in version 2, so that the kernel cannot be
// asked each time.
func TestUnifiedValues(t *testing.T) {
	_, h := newFakeUnified(t)
	g := h.make(t, "a")
	for _, c := range []struct {
		file, text string
		err        error
		now        string
	}{
		{"cpu.max", " ", unix.EINVAL, "max 100000\n"},
		{"cpu.max", "max 1000", nil, "max 1000\n"},
		{"cpu.max", "max 999", unix.EINVAL, "max 1000\n"},
		{"cpu.max", "1000", nil, "1000 1000\n"},
		{"cpu.max", "50000 100000 3", nil, "50000 100000\n"},
		{"cpu.max", "x", unix.EINVAL, "50000 100000\n"},
		{"cpu.max", "max x", nil, "max 100000\n"},
		{"cpu.max", "-1", unix.EINVAL, "max 100000\n"},
		{"cpu.max", "0", unix.EINVAL, "max 100000\n"},
		{"cpu.max", "20000 2000000", unix.EINVAL, "max 100000\n"},
		{"cpu.max", "100 1000", unix.EINVAL, "max 100000\n"},
		{"cpu.max", "18446744073709551615", unix.EINVAL, "max 100000\n"},
		{"cpu.max", " 40000 50000\n", nil, "40000 50000\n"},
		{"cpu.max", "max 100000", nil, "max 100000\n"},
		{"cpu.weight", "0", unix.ERANGE, "100\n"},
		{"cpu.weight", "1", nil, "1\n"},
		{"cpu.weight", "10001", unix.ERANGE, "1\n"},
		{"cpu.weight", " 5", unix.EINVAL, "1\n"},
		{"cpu.weight", "0x10", nil, "16\n"},
		{"cpu.weight", "-1", unix.EINVAL, "16\n"},
		{"cpu.weight", "99", nil, "99\n"},
		{"cpu.weight.nice", "5", nil, "5\n"},
		{"cpu.weight.nice", "-21", unix.ERANGE, "5\n"},
		{"cpu.weight.nice", "-20", nil, "-20\n"},
		{"cpu.weight.nice", "20", unix.ERANGE, "-20\n"},
		{"cpu.idle", "1", nil, "1\n"},
		{"cpu.weight", "5", unix.EINVAL, "0\n"},
		{"cpu.weight.nice", "5", unix.EINVAL, "19\n"},
		{"cpu.idle", "2", unix.EINVAL, "1\n"},
		{"cpu.idle", "0", nil, "0\n"},
		{"cpu.weight", "100", nil, "100\n"},
		{"cpu.max.burst", "5", nil, "5\n"},
		{"cpu.max", "50000", nil, "50000 100000\n"},
		{"cpu.max.burst", "50001", unix.EINVAL, "5\n"},
		{"cpu.max.burst", "50000", nil, "50000\n"},
		{"cpu.max", "40000", unix.EINVAL, "50000 100000\n"},
		{"memory.max", "100M", nil, "104857600\n"},
		{"memory.max", "4097", nil, "4096\n"},
		{"memory.max", " max\n", nil, "max\n"},
		{"memory.max", "-1", unix.EINVAL, "max\n"},
		{"memory.max", "x", unix.EINVAL, "max\n"},
		{"memory.max", "99999999999999999999", nil, "7766279631452237824\n"},
		{"memory.low", "1", nil, "0\n"},
		{"memory.swap.max", "1g", nil, "1073741824\n"},
	} {
		if err := g.put(t, c.file, c.text); err != c.err {
			t.Errorf("write(%s, %q): %v, want %v", c.file, c.text, err, c.err)
		}
		if now := g.get(t, c.file); now != c.now {
			t.Errorf("after write(%s, %q): %q, want %q", c.file, c.text, now, c.now)
		}
	}
}

// TestTimeOfTheDead: what those used that came and went unseen is their group's, once
// their parent has waited for them, and nothing is counted twice.
func TestTimeOfTheDead(t *testing.T) {
	m, h := newFakeUnified(t)
	a, b := h.make(t, "a"), h.make(t, "b")
	m.run(10, 1)
	if err := a.put(t, "cgroup.procs", "10"); err != nil {
		t.Fatal(err)
	}
	m.run(11, 10)
	if err := b.put(t, "cgroup.procs", "11"); err != nil {
		t.Fatal(err)
	}
	m.change(11, func(p *Process) { p.User = 5e9 })
	usec := func(g *Group) uint64 {
		if err := h.of.refresh(0); err != nil {
			t.Fatal(err)
		}
		return (g.used.user + g.used.system) / 1000
	}
	if got := usec(b); got != 5e6 {
		t.Errorf("b has used %d µs", got)
	}
	// It uses two seconds more, and is waited for.
	m.end(11)
	m.change(10, func(p *Process) { p.ChildUser = 7e9 })
	if a, b, all := usec(a), usec(b), usec(h.Root()); a != 0 || b != 7e6 || all != 7e6 {
		t.Errorf("a %d, b %d, all %d µs", a, b, all)
	}
	// A child that nobody saw.
	m.change(10, func(p *Process) { p.ChildSystem = 1e9 })
	if a, b := usec(a), usec(b); a != 1e6 || b != 7e6 {
		t.Errorf("a %d, b %d µs", a, b)
	}
}

// TestKillAndFreeze: nobody is killed where not all may be.
func TestKillAndFreeze(t *testing.T) {
	m, h := newFakeUnified(t)
	a := h.make(t, "a")
	m.run(10, 1).run(11, 10)
	for _, pid := range []string{"10", "11"} {
		if err := a.put(t, "cgroup.procs", pid); err != nil {
			t.Fatal(err)
		}
	}
	var sent []unix.Signal
	forbidden := 11
	who := root
	who.Signal = func(pid int, sig unix.Signal) error {
		if pid == forbidden {
			return unix.EPERM
		}
		if sig != 0 {
			sent = append(sent, sig)
		}
		if sig == unix.SIGKILL {
			m.end(pid)
		}
		return nil
	}
	if _, err := a.file("cgroup.kill").Write(who, []byte("1")); err != unix.EPERM || len(sent) > 0 {
		t.Errorf("%v, and %v were sent", err, sent)
	}
	forbidden = 0
	if _, err := a.file("cgroup.kill").Write(who, []byte("1")); err != nil || len(sent) != 2 {
		t.Errorf("%v, and %v were sent", err, sent)
	}
	if got := a.get(t, "cgroup.events"); got != "populated 0\nfrozen 0\n" {
		t.Errorf("%q", got)
	}
}

// TestNamesFromANamespace as kernfs_path_from_node makes them.
func TestNamesFromANamespace(t *testing.T) {
	_, h := newFakeUnified(t)
	b, c := h.make(t, "a", "b"), h.make(t, "c")
	for _, x := range []struct {
		g, from *Group
		want    string
	}{{b, h.Root(), "/a/b"}, {b, b, "/"}, {b, b.parent, "/b"}, {b.parent, b, "/.."}, {c, b, "/../../c"}, {h.Root(), b, "/../.."}} {
		if got := x.g.from(x.from); got != x.want {
			t.Errorf("%s from %s: %q, want %q", x.g.path(), x.from.path(), got, x.want)
		}
	}
}
