package shim

import (
	"sync"
	"sync/atomic"

	"github.com/shimrun/shimrun/fakefs"
)

// A handedOut object stands in for a served node: a memfd, a pipe or a removed
// directory. A tracee that holds it can be recognised by the object's identity,
// whatever number it has and through however many dups and forks it came.
type handedOut struct {
	node *fakefs.Node
	name string
	// shared is set where many descriptors share the object.
	shared bool
	// writeOnly is set where nobody can read it: there is nothing in it, and its
	// position is moved here.
	writeOnly bool
	// position is where its writer is in it, as far as that has been seen.
	position atomic.Int64
	// names are those of the UTS namespace whose file it is, nil for all else.
	names *hostNames
	// slot is where it is in the ledger, 0 for nowhere.
	slot int
	// unseen counts the looks at all open files since it was last among them.
	unseen uint8
}

// manyPrivate is after how many objects made for one open each it is looked which of them
// are still open. Their inode numbers are never used again while the supervisor lives, but
// a program that opens /proc/self/mountinfo for days must not fill memory: a kubelet
// does some five a second.
const manyPrivate = 1 << 12

// handedOuts is the register of what has been handed out.
type handedOuts struct {
	mu      sync.RWMutex
	objects map[identity]*handedOut
	// devs are the filesystems that any of them is or was on: few, and nearly
	// every object that is asked about is on another one.
	devs    *devices
	private int // how many of them were made for one open
	// most is how many of those there are before they are looked after again.
	most    int
	looking bool
	ledger  *Ledger // or nil
	// memory is the filesystem of memory files, nowhere [nowhere].
	memory  uint64
	nowhere atomic.Uint64
}

func (h *handedOuts) get(id identity) (*handedOut, bool) {
	if !h.devs.has(id.dev) {
		return nil, false
	}
	h.mu.RLock()
	o, ok := h.objects[id]
	h.mu.RUnlock()
	return o, ok
}

// remove forgets shared objects whose node is gone, before their inode numbers
// are used for others.
func (h *handedOuts) remove(ids []identity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range ids {
		h.delete(id)
	}
}

// delete forgets one object; the caller has locked.
func (h *handedOuts) delete(id identity) {
	if o := h.objects[id]; o != nil {
		h.ledger.strike(o.slot)
		delete(h.objects, id)
	}
}

// alone tells that an object is not shared any more: it is known until all who have it
// open have closed it.
func (h *handedOuts) alone(id identity) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o := h.objects[id]; o != nil && o.shared {
		o.shared = false
		h.private++
	}
}

func (h *handedOuts) put(id identity, o *handedOut) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.objects == nil {
		h.objects = map[identity]*handedOut{}
	}
	if before := h.objects[id]; before != nil {
		h.ledger.strike(before.slot)
		if !before.shared {
			h.private--
		}
	}
	if o.slot == 0 && h.lasts(id) {
		o.slot = h.ledger.note(id, o)
	}
	if !o.shared {
		h.private++
	}
	h.objects[id] = o
	h.devs.add(id.dev)
	if h.private > max(h.most, manyPrivate) && !h.looking {
		h.looking = true
		go h.forgetClosed()
	}
}

// lasts tells whether an object's number is never used again, whether or not this
// supervisor lives: as in a filesystem that others may not make files in.
func (h *handedOuts) lasts(id identity) bool {
	return h.lastsIn(h.ledger, id)
}

func (h *handedOuts) lastsIn(l *Ledger, id identity) bool {
	return l != nil && (id.dev == h.memory || id.dev == h.nowhere.Load())
}
