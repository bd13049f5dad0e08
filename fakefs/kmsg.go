package fakefs

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// kmsgCapacity is how many records are kept; a kernel with the default
	// buffer of 128 KiB or more keeps a few thousand.
	kmsgCapacity = 4096
	// kmsgWriteLimit is the longest write that devkmsg_write accepts.
	kmsgWriteLimit = 1024 - 32
)

// Kmsg is the record side of /dev/kmsg (Documentation/ABI/testing/dev-kmsg):
// a log that all readers share and that never ends. It is safe for concurrent use.
type Kmsg struct {
	// now gives microseconds since boot.
	now func() uint64

	mu      sync.Mutex
	records [][]byte
	first   uint64 // sequence number of records[0]
	changed chan struct{}
}

// NewKmsg starts a log with records of the kernel, at time 0: texts may begin
// with a priority such as "<6>".
func NewKmsg(boot ...string) *Kmsg {
	k := &Kmsg{now: monotonicMicroseconds, changed: make(chan struct{})}
	for _, text := range boot {
		prio, rest := splitPriority([]byte(text), 0, kmsgDefaultLevel)
		k.add(prio, 0, rest)
	}
	return k
}

// monotonicMicroseconds is the clock of the kernel log.
func monotonicMicroseconds() uint64 {
	var ts unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return uint64(ts.Nano()) / 1000
}

// Append takes what one write(2) brought, as devkmsg_write of
// kernel/printk/printk.c does: an optional "<N>" before the text, level
// warning and facility user without it. EINVAL for more than 992 bytes.
func (k *Kmsg) Append(written []byte) error {
	if len(written) > kmsgWriteLimit {
		return unix.EINVAL
	}
	prio, text := splitPriority(written, kmsgUser, kmsgDefaultLevel)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(prio, k.now(), text)
	close(k.changed)
	k.changed = make(chan struct{})
	return nil
}

// add stores a record; the caller holds mu, or is alone.
func (k *Kmsg) add(prio uint32, microseconds uint64, text []byte) {
	seq := k.first + uint64(len(k.records))
	if len(k.records) == kmsgCapacity {
		k.records = slices.Delete(k.records, 0, 1)
		k.first++
	}
	k.records = append(k.records, appendRecord(nil, prio, seq, microseconds, text))
}

// Records are the records from sequence number from on, each as one read(2)
// gives it, and the number to go on with. Records that were dropped already
// are skipped; First tells that this happened (a kernel's reader gets EPIPE).
func (k *Kmsg) Records(from uint64) (records [][]byte, next uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	next = k.first + uint64(len(k.records))
	from = min(max(from, k.first), next)
	return slices.Clone(k.records[from-k.first:]), next
}

// First is the sequence number of the oldest record, where lseek(0, SEEK_SET) goes.
func (k *Kmsg) First() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.first
}

// Next is the sequence number that the next record will have, where
// lseek(0, SEEK_END) goes.
func (k *Kmsg) Next() uint64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.first + uint64(len(k.records))
}

// Wait gives a channel that is closed at the next record. To miss none, take
// the channel first and look at Records then.
func (k *Kmsg) Wait() <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.changed
}

// bootRecords are what a log starts with.
var bootRecords = []string{
	"<5>Linux version, told by shimrun",
	"<6>Command line: ",
	"<6>BIOS-provided physical RAM map:",
	"<6>Memory: available",
	"<6>devtmpfs: initialized",
	"<6>NET: Registered PF_INET protocol family",
	"<6>Run /sbin/init as init process",
}
