package shim

import (
	"bytes"
	"io/fs"
	"sync/atomic"
	"unsafe"

	"github.com/shimrun/shimrun/fakefs"
)

// A Ledger keeps which object stands in for which node in memory that outlives the
// supervisor: a program that holds a descriptor of one may hold it longer than that
// lives. A slot is in use while its state is not 0, which is what is written last.
//
// Noted are files in memory, and folders and files of the filesystem that is mounted
// nowhere, which goes from one supervisor to the next: their numbers are never used
// again. Not noted are pipes, whose other end dies with the supervisor.
type Ledger struct {
	slots []slot
	free  []int
}

// slot is one object. All of it makes sense while state is not 0.
type slot struct {
	state    atomic.Uint32
	length   uint32 // of the name
	dev, ino uint64
	name     [232]byte
}

// The bits of a slot's state.
const (
	slotUsed      = 1 << iota
	slotWriteOnly // handedOut.writeOnly
)

// LedgerSize is the size of the memory behind a ledger, in bytes: 8,192 objects. Those
// that have no room, and those with longer names, are forgotten with the supervisor.
const LedgerSize = 8192 * int(unsafe.Sizeof(slot{}))

// NewLedger is the ledger in memory, [LedgerSize] bytes: zeros, or what a supervisor left.
func NewLedger(memory unsafe.Pointer) *Ledger {
	return &Ledger{slots: unsafe.Slice((*slot)(memory), LedgerSize/int(unsafe.Sizeof(slot{})))}
}

// note enters an object, and gives the number of its slot; 0 for none, which is why the
// first is never used.
func (l *Ledger) note(id identity, o *handedOut) int {
	if l == nil || len(l.free) == 0 || len(o.name) > len(slot{}.name) || o.names != nil || o.node.Stream != "" {
		return 0
	}
	n := l.free[len(l.free)-1]
	l.free = l.free[:len(l.free)-1]
	s := &l.slots[n]
	s.dev, s.ino, s.length = id.dev, id.ino, uint32(copy(s.name[:], o.name))
	state := uint32(slotUsed)
	if o.writeOnly {
		state |= slotWriteOnly
	}
	s.state.Store(state)
	return n
}

// strike frees a slot.
func (l *Ledger) strike(n int) {
	if n > 0 {
		l.slots[n].state.Store(0)
		l.free = append(l.free, n)
	}
}

// read gives what another supervisor noted and a tree still serves, and notes from then
// on: it has to be called once.
func (l *Ledger) read(tree *fakefs.Tree, found func(identity, *handedOut)) {
	for n := len(l.slots) - 1; n > 0; n-- {
		s := &l.slots[n]
		state := s.state.Load()
		var o *handedOut
		if state != 0 && int(s.length) <= len(s.name) {
			o = standingIn(tree, string(bytes.Clone(s.name[:s.length])))
		}
		if o == nil {
			s.state.Store(0)
			l.free = append(l.free, n)
			continue
		}
		o.slot, o.writeOnly = n, state&slotWriteOnly != 0
		found(identity{s.dev, s.ino}, o)
	}
}

// standingIn is what stands in for the node of a name, nil where none is served now. No
// name is what lies above a folder.
func standingIn(tree *fakefs.Tree, name string) *handedOut {
	if name == "" {
		return &handedOut{node: &fakefs.Node{Mode: fs.ModeDir | 0o755}}
	}
	if n := tree.Lookup(name); n != nil {
		return &handedOut{node: n, name: name}
	}
	return nil
}
