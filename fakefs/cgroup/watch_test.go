package cgroup

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// heard is what a watcher was told.
type heard struct{ all []string }

func (h *heard) Changed(text string) { h.all = append(h.all, text) }
func (h *heard) Stirred()            {}
func (h *heard) Gone()               { h.all = append(h.all, "gone") }

// TestWatch: a watcher hears of each change once, and of the end.
func TestWatch(t *testing.T) {
	m, h := newFakeUnified(t)
	g := h.make(t, "a", "b").parent
	var w heard
	begin := func(text string) (Watcher, error) {
		w.all = append(w.all, text)
		return &w, nil
	}
	for range 2 { // the second finds the first
		if got, ok, err := g.file("cgroup.events").Watch(begin); got != &w || !ok || err != nil {
			t.Fatalf("%v, %v, %v", got, ok, err)
		}
	}
	m.run(7, 1)
	if err := g.children["b"].put(t, "cgroup.procs", "7"); err != nil {
		t.Fatal(err)
	}
	members, unsettled := h.of.Look()
	if len(members) != 1 || !slices.Equal(members[0], []int{7}) || unsettled {
		t.Errorf("%v wait for, unsettled: %v", members, unsettled)
	}
	who := root
	who.Signal = func(int, unix.Signal) error { return nil }
	if _, err := g.file("cgroup.freeze").Write(who, []byte("1")); err != nil {
		t.Fatal(err)
	}
	if _, unsettled := h.of.Look(); !unsettled {
		t.Error("it has not stopped yet, and is said to have settled")
	}
	for _, stopped := range []bool{true, false, true} { // for a moment its tracer let it go
		m.change(7, func(p *Process) { p.Stopped = stopped })
		h.of.Look()
	}
	m.end(7)
	h.of.Look()
	for _, name := range []string{"b", "a"} {
		from := g
		if name == "a" {
			from = h.Root()
		}
		if err := from.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	const free, full = "populated 0\nfrozen 0\n", "populated 1\nfrozen 0\n"
	if want := []string{free, full, "populated 1\nfrozen 1\n", "populated 0\nfrozen 1\n", "gone"}; !slices.Equal(w.all, want) {
		t.Errorf("%q", w.all)
	}
	if _, ok, _ := g.file("cgroup.events").Watch(begin); ok {
		t.Error("a file that is gone can be watched")
	}
}
