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
}

// maxPrivate bounds how many objects made for one open each are remembered.
// Their inode numbers are never used again while the supervisor lives, but a
// program that opens /proc/self/mountinfo for days must not fill memory: a kubelet
// does some five a second. A descriptor that is older than the last 4,096 such
// opens is still read correctly; only its fstat shows the memfd.
const maxPrivate = 1 << 12

// handedOuts is the register of what has been handed out.
type handedOuts struct {
	mu      sync.RWMutex
	objects map[identity]*handedOut
	// devs are the filesystems that any of them is or was on: few, and nearly
	// every object that is asked about is on another one.
	devs    *devices
	private []identity // a ring of those made for one open
	next    int
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
		delete(h.objects, id)
	}
}

func (h *handedOuts) put(id identity, o *handedOut) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.objects == nil {
		h.objects = map[identity]*handedOut{}
	}
	h.objects[id] = o
	h.devs.add(id.dev)
	if o.shared {
		return
	}
	if len(h.private) < maxPrivate {
		h.private = append(h.private, id)
		return
	}
	delete(h.objects, h.private[h.next])
	h.private[h.next] = id
	h.next = (h.next + 1) % maxPrivate
}
