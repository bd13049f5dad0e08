package runtime

import (
	"math"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// Most of what is done about limits is done before the Go runtime starts, see
// limits.c: what is here is how to get by with what was left.

// few is how many descriptors are so few that each counts.
const few = 32

// fewDescriptors tells whether this process may have so few.
func fewDescriptors() bool { return limit(unix.RLIMIT_NOFILE) < few }

// limit is how much of something this process may have.
func limit(resource int) uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(resource, &l) != nil {
		return math.MaxUint64
	}
	return l.Cur
}

// spareMemory has garbage collected early where memory is limited. What is not
// the Go runtime's are the program, some 50 MiB, and its threads' stacks; the
// runtime's own tables take 40.
func spareMemory() {
	if m := min(limit(unix.RLIMIT_AS), limit(unix.RLIMIT_DATA)); m < 1<<30 {
		debug.SetMemoryLimit(max(int64(m)-80<<20, 48<<20))
	}
}
