package cgroup

import (
	"errors"
	"slices"
	"testing"
)

// fakeMachine is a machine whose processes a test makes up.
type fakeMachine struct {
	processes map[int]Process
	broken    bool
}

func (m *fakeMachine) Processes() (all []Process, err error) {
	if m.broken {
		return nil, errors.New("no /proc")
	}
	for _, p := range m.processes {
		all = append(all, p)
	}
	return all, nil
}

func (m *fakeMachine) Threads(pid int) (ids []int, err error) {
	p, ok := m.processes[pid]
	if !ok {
		return nil, errors.New("gone")
	}
	for i := range p.Threads {
		ids = append(ids, pid+i)
	}
	return ids, nil
}

func (m *fakeMachine) CPUs() int      { return 2 }
func (m *fakeMachine) Memory() uint64 { return 1 << 30 }

// run starts a process, in the group and session of its parent.
func (m *fakeMachine) run(pid, parent int) *fakeMachine {
	p := Process{PID: pid, Parent: parent, Group: pid, Session: pid, Threads: 1, Start: uint64(pid)}
	if above, ok := m.processes[parent]; ok && parent > 1 {
		p.Group, p.Session = above.Group, above.Session
	}
	m.processes[pid] = p
	return m
}

func (m *fakeMachine) end(pid int) {
	delete(m.processes, pid)
	for child, p := range m.processes {
		if p.Parent == pid {
			p.Parent = 1
			m.processes[child] = p
		}
	}
}

func (m *fakeMachine) change(pid int, change func(*Process)) {
	p := m.processes[pid]
	change(&p)
	m.processes[pid] = p
}

func newFake(t testing.TB) (*fakeMachine, *Hierarchies) {
	t.Helper()
	m := &fakeMachine{processes: map[int]Process{}}
	m.run(1, 0)
	hs, err := New(m, Controllers(), 1)
	if err != nil {
		t.Fatal(err)
	}
	return m, hs
}

var root = Caller{PID: 1, Admin: true}

// make makes a group and returns it.
func (h *Hierarchy) make(t testing.TB, path ...string) *Group {
	t.Helper()
	g := h.Root()
	for _, name := range path {
		if !g.Has(name) {
			if err := g.Make(name, 0o755, root); err != nil {
				t.Fatal(err)
			}
		}
		g = g.children[name]
	}
	return g
}

func (g *Group) put(t testing.TB, file, text string) error {
	t.Helper()
	f := g.file(file)
	if f == nil {
		t.Fatalf("no file %s", file)
	}
	n, err := f.Write(root, []byte(text))
	if err == nil && n != len(text) {
		t.Errorf("write(%s, %q) = %d", file, text, n)
	}
	return err
}

func (g *Group) get(t testing.TB, file string) string {
	t.Helper()
	f := g.file(file)
	if f == nil {
		t.Fatalf("no file %s", file)
	}
	text, err := f.Read(root)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return string(text)
}

func TestControllers(t *testing.T) {
	_, hs := newFake(t)
	var names []string
	for _, h := range hs.All() {
		names = append(names, h.Controller)
	}
	if !slices.Equal(names, Controllers()) || hs.All()[3].ID != 4 {
		t.Errorf("%v", names)
	}
	if _, err := New(&fakeMachine{}, []string{"blkio"}, 1); err == nil {
		t.Error("blkio cannot be served")
	}
}
