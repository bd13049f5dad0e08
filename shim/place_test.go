package shim

import "testing"

// What is kept of a thread's place counts until somebody may have moved, and again only
// once that thread has been heard of.
func TestPlaces(t *testing.T) {
	var s Shim
	d := &s.departures
	var mover, other Place
	w := s.Worker()
	look := func(p *Place) (kept bool) {
		w.begin(&Call{TID: 1, Place: p})
		defer w.handled()
		kept = p.rootKnown
		if w.at.place != nil {
			p.rootKnown = true
		}
		return kept
	}
	expect := func(what string, got, want bool) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %v", what, got)
		}
	}
	expect("kept at first", look(&other), false)
	expect("kept", look(&other), true)
	d.begin(&mover)
	expect("kept while one moves", look(&other), false)
	expect("found out while one moves", look(&other), false)
	look(&mover)
	expect("kept after that", look(&other), false)
	expect("kept again", look(&other), true)
	d.begin(&mover)
	s.Leave(&mover)
	expect("kept after a mover has ended", look(&other), false)
	expect("kept again", look(&other), true)
	d.begin(&mover)
	expect("kept though one moves that has ended before", look(&other), true)
	d.begin(nil)
	expect("kept though one moves of whom nothing is kept", look(&other), true)
}
