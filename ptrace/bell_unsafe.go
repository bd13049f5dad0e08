package ptrace

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A bell ends another thread's wait4 with EINTR: a tracing thread can sleep
// nowhere else, since nothing that can be polled tells of a tracee's stop.
type bell struct{ pid, tid int }

// bellSignal has no use in a supervisor; Go's runtime ignores it when nobody
// has asked for it.
const bellSignal = unix.SIGALRM

// saRestart is SA_RESTART of include/uapi/asm-generic/signal-defs.h.
const saRestart = 0x10000000

// newBell makes the calling thread's bell. It must be locked to its goroutine.
// Go installs every handler with SA_RESTART; for this signal that is taken away.
func newBell() (bell, error) {
	var act sigaction
	for _, p := range [][2]unsafe.Pointer{{nil, unsafe.Pointer(&act)}, {unsafe.Pointer(&act), nil}} {
		_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(bellSignal),
			uintptr(p[0]), uintptr(p[1]), unsafe.Sizeof(act.mask), 0, 0)
		if errno != 0 {
			return bell{}, os.NewSyscallError("rt_sigaction", errno)
		}
		act.flags &^= saRestart
	}
	return bell{unix.Getpid(), unix.Gettid()}, nil
}

// ring may come a moment before the thread waits, and then is lost: whoever
// rings does so again until something happens.
func (b bell) ring() { _ = unix.Tgkill(b.pid, b.tid, bellSignal) }
