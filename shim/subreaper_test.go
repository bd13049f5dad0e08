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

// A process starts another one and ends; how the two ends lie to each other, and to the
// last call of the first, makes no difference to the subreaper.
func TestEndBesideTheParents(t *testing.T) {
	const reaps, starter, started = 10, 20, 30
	all := func(_ int, all []end) []end { return all }
	for name, steps := range map[string][]func(*subreapers) int{
		"after it":             {leave(all), gone(starter), gone(started)},
		"before its last call": {gone(started), leave(all), gone(starter)},
		"between the two":      {leave(all), gone(started), gone(starter)},
	} {
		r := &subreapers{
			told: map[int]reaper{reaps: {"a", true}}, parents: map[int]int{}, orphans: map[int]bool{},
			ends: map[int][]end{}, zombies: map[int][]end{}, left: map[int][]end{}, leaving: map[int]bool{},
		}
		r.forked(reaps, starter)
		r.forked(starter, started)
		told := 0
		for _, step := range steps {
			if step(r) == reaps {
				told++
			}
		}
		if got := r.ends[reaps]; told != 1 || len(got) != 1 || got[0].pid != started || r.queued.Load() != 1 {
			t.Errorf("%s: told %d times, of %v (%d queued)", name, told, got, r.queued.Load())
		}
		r.ended(reaps, 0)
		if len(r.parents)+len(r.orphans)+len(r.ends)+len(r.told)+len(r.zombies)+len(r.left)+len(r.leaving) != 0 {
			t.Errorf("%s: left %+v", name, r)
		}
	}
}

func leave(zombies func(int, []end) []end) func(*subreapers) int {
	return func(r *subreapers) int { r.leaves(20, zombies); return 0 }
}

func gone(pid int) func(*subreapers) int {
	return func(r *subreapers) int { return r.ended(pid, 0) }
}
