package seccomp

import (
	"sync"
	"unsafe"
)

// A Journal keeps the notifications that are being answered in memory that
// outlives the process: one that was received and not answered is never
// received again, so whoever takes over after a death has to know it.
//
// It costs nothing: a receiver has the kernel write the notification straight
// into its slot, and the slot has to be zeroed for the next one anyway. A slot
// with an id is a call without an answer.
type Journal struct {
	mu    sync.Mutex
	slots []notification
	next  int
}

// JournalSize is the size of the memory behind a journal.
const JournalSize = most * int(unsafe.Sizeof(notification{}))

// NewJournal is the journal in memory, [JournalSize] bytes that are shared with
// whoever takes over.
func NewJournal(memory unsafe.Pointer) *Journal {
	return &Journal{slots: unsafe.Slice((*notification)(memory), most)}
}

// claim gives a receiver its slot. There are as many as there can be receivers.
func (j *Journal) claim() *notification {
	if j == nil {
		return new(notification)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.next++
	return &j.slots[j.next-1]
}

// unanswered finds the calls that an earlier process left behind.
func (j *Journal) unanswered() []*notification {
	if j == nil {
		return nil
	}
	var left []*notification
	for i := range j.slots {
		if j.slots[i].id != 0 {
			left = append(left, &j.slots[i])
		}
	}
	return left
}
