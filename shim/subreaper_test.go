package shim

import (
	"testing"

	"golang.org/x/sys/unix"
)

// A family: 1 ── 10 (subreaper) ── 20 ── 30 ── 40, and 50 (subreaper) below 40 with 60 and 70.
func TestSubreapers(t *testing.T) {
	exit := func(code int) unix.WaitStatus { return unix.WaitStatus(code << 8) }
	r := &subreapers{
		told:    map[int]reaper{10: {"a", true}},
		parents: map[int]int{}, orphans: map[int]bool{}, ends: map[int][]end{}, zombies: map[int][]end{},
	}
	r.forked(1, 11) // nobody's
	for _, pair := range [][2]int{{10, 20}, {20, 30}, {30, 40}, {40, 50}} {
		r.forked(pair[0], pair[1])
	}
	r.told[50] = reaper{"b", true}
	r.forked(50, 60)
	r.forked(60, 70)
	for _, step := range []struct {
		pid, tell int
		what      string
	}{
		{20, 0, "a child is its parent's own"},
		{40, 0, "a child of a parent that lives"},
		{30, 10, "an orphan"},
		{60, 0, "a child of the second"},
		{70, 50, "an orphan of the nearest"},
		{50, 10, "an orphan that was a subreaper"},
		{11, 0, "nobody's"},
	} {
		if tell := r.ended(step.pid, exit(step.pid)); tell != step.tell {
			t.Errorf("end of %d, %s: told %d, want %d", step.pid, step.what, tell, step.tell)
		}
	}
	want := []end{{30, exit(30)}, {50, exit(50)}}
	got := r.ends[10]
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] || r.queued.Load() != 2 {
		t.Errorf("ends %v (%d queued), want %v", got, r.queued.Load(), want)
	}
	r.ended(10, exit(0))
	if r.queued.Load() != 0 || len(r.parents)+len(r.orphans)+len(r.ends)+len(r.told)+len(r.zombies) != 0 {
		t.Errorf("left: %+v", r)
	}
}
