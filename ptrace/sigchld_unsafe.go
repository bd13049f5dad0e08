package ptrace

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// sigaction is struct sigaction as rt_sigaction(2) takes it.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

// saNoCldStop is SA_NOCLDSTOP of include/uapi/asm-generic/signal-defs.h.
const saNoCldStop = 1

// muteSIGCHLD sets SIGCHLD to SIG_DFL with SA_NOCLDSTOP. The Go runtime has a
// handler for every signal, and the kernel would run it once for each stop of
// each tracee: a third of a call's cost in gVisor. The tracer learns of stops
// from wait4 alone. Never undone: a process that runs a Tracer has no use for
// SIGCHLD, and os/signal would not be told.
func muteSIGCHLD() error {
	act := sigaction{handler: 0 /* SIG_DFL */, flags: saNoCldStop}
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGCHLD),
		uintptr(unsafe.Pointer(&act)), 0, unsafe.Sizeof(act.mask), 0, 0)
	if errno != 0 {
		return os.NewSyscallError("rt_sigaction", errno)
	}
	return nil
}
