package seccomp

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
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

// JournalSize is the size of the file behind a journal.
const JournalSize = int64(most) * int64(unsafe.Sizeof(notification{}))

// OpenJournal maps the journal in fd, a memfd of [JournalSize] bytes. The
// descriptor can be closed afterwards.
func OpenJournal(fd int) (*Journal, error) {
	memory, err := unix.Mmap(fd, 0, int(JournalSize), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	return &Journal{slots: unsafe.Slice((*notification)(unsafe.Pointer(&memory[0])), most)}, nil
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
