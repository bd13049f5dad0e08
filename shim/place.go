package shim

import (
	"sync"
	"sync/atomic"
)

// A Place is where a thread was at its last call: which root directory it has and which
// mount namespace it is in. To look costs two calls, and nearly every thread stays where
// it is. A backend that hears of each thread's end keeps one for each, and gives it with
// each call. The zero Place knows nothing.
type Place struct {
	// epoch is that of the departures in which the rest was found out, 0 where there is nothing.
	epoch     uint64
	rootKnown bool
	root      identity
	common    bool   // the name of its root is "/"; others can change
	shown     string // that other name, as it was; "" where none is known
	namespace namespaceOf

	moving atomic.Bool
	left   bool // under departures.mu
}

// departures counts what may take threads to other roots and namespaces: chroot(2) takes
// along who shares the caller's root, and pivot_root(2) whoever has the old one. The
// kernel does it once the call is answered. So no place counts from then on until the
// thread that made it is heard of again, and what was found out before does not count
// after it.
type departures struct {
	mu      sync.Mutex
	epoch   atomic.Uint64 // one less
	pending atomic.Int32
}

// now is the epoch, 0 while nothing that is found out may be kept.
func (d *departures) now() uint64 {
	epoch := d.epoch.Load() + 1
	if d.pending.Load() > 0 {
		return 0
	}
	return epoch
}

// begin notes that a thread may be about to move, and others with it.
func (d *departures) begin(p *Place) {
	if p == nil {
		return // nobody's is kept
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !p.left && !p.moving.Swap(true) {
		d.pending.Add(1)
	}
}

// arrived notes that it has, or has not moved, or is no more.
func (d *departures) arrived(p *Place, left bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.left = p.left || left
	if p.moving.Swap(false) {
		d.epoch.Add(1)
		d.pending.Add(-1)
	}
}

// Leave tells the shim that a thread is no more, or goes on without its backend.
func (s *Shim) Leave(p *Place) { s.departures.arrived(p, true) }
