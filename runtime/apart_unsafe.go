package runtime

// #include "start.h"
import "C"

import (
	"math"
	"runtime"
	"runtime/cgo"
	"time"

	"golang.org/x/sys/unix"
)

// apart runs work on this thread, in processes of their own where the time of a
// process is limited, see apart.c. spent tells it that this one's time is used
// up; then it returns that it is not done, and is called again in the next.
func apart(work func(spent func() bool) (done bool)) {
	seconds := limit(unix.RLIMIT_CPU)
	if seconds > uint64(math.MaxInt64/time.Second) {
		work(func() bool { return false })
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	half := time.Duration(seconds) * time.Second / 2
	handle := cgo.NewHandle(func() bool {
		return work(func() bool { return processTime() >= half })
	})
	defer handle.Delete()
	if C.shimrun_apart(C.uintptr_t(handle)) != 0 {
		for !work(func() bool { return false }) {
		}
	}
}

//export shimrunServeApart
func shimrunServeApart(handle C.uintptr_t) C.int {
	if cgo.Handle(handle).Value().(func() bool)() {
		return 0
	}
	return 1
}

// processTime is the time that this process has used.
func processTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
