package runtime

// #include "start.h"
import "C"

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// caller is what the process was given at its start, and has to hand on to the
// command. The Go runtime changes some of it before main: it installs signal
// handlers (which execve turns into the default where the caller had the
// signal ignored), unblocks signals, and opens /dev/null for a missing
// descriptor 0, 1 or 2. (It also raises the soft limit of open files, which
// syscall.Exec undoes.)
type caller struct {
	// Blocked and Ignored are sets of signals: bit n-1 is signal n.
	Blocked, Ignored uint64
	// Closed has bit n set where descriptor n, 0 to 2, was not open.
	Closed uint32
}

func callerAtStart() caller {
	c := &C.shimrun_caller
	return caller{uint64(c.blocked), uint64(c.ignored), uint32(c.closed)}
}

// environ is the environment exactly as it was: os.Environ drops what is there twice.
func environ() []string {
	var env []string
	if C.shimrun_caller.envp == nil {
		return os.Environ()
	}
	for p := C.shimrun_caller.envp; *p != nil; p = (**C.char)(unsafe.Add(unsafe.Pointer(p), unsafe.Sizeof(*p))) {
		env = append(env, C.GoString(*p))
	}
	return env
}

// restore puts everything back for an execve from the calling thread, which
// is locked. There is no way back: signals are lost to the Go runtime.
func (c caller) restore() {
	for fd := range 3 {
		if c.Closed&(1<<fd) != 0 {
			unix.CloseOnExec(fd)
		}
	}
	for sig := uintptr(1); sig <= 64; sig++ {
		// struct kernel_sigaction: the handler comes first.
		var now, then [8]uintptr
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&now)), 8, 0, 0)
		if c.Ignored&(1<<(sig-1)) != 0 {
			then[0] = sigIgn
		} else if sig == uintptr(unix.SIGURG) {
			// The Go runtime preempts its threads by this one. To ignore it for
			// a moment drops what is pending, which the command would inherit.
			ignored := [8]uintptr{sigIgn}
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&ignored)), 0, 8, 0, 0)
		} else if now[0] != sigIgn {
			continue // a handler, which execve makes the default
		}
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&then)), 0, 8, 0, 0)
	}
	blocked := c.Blocked
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&blocked)), 0, 8, 0, 0)
}

// sigIgn is SIG_IGN.
const sigIgn = 1

// beKilledBy ends this process by a signal, past the Go runtime's handler. It
// returns only if the signal does not end processes.
func beKilledBy(sig unix.Signal) {
	var action [8]uintptr // SIG_DFL
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(&action)), 0, 8, 0, 0)
	var none uint64
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), sig)
}

// role is what this process was started as.
func role() int32 { return int32(C.shimrun_caller.role) }

const (
	roleCommand    = C.SHIMRUN_COMMAND
	roleSupervisor = C.SHIMRUN_SUPERVISOR
	roleLauncher   = C.SHIMRUN_LAUNCHER
	roleProbe      = C.SHIMRUN_PROBE
)
