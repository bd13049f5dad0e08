package ptrace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// request makes one ptrace(2) request whose data is a number.
//
// All requests are raw system calls: they never block, and telling Go's
// scheduler about each would cost more than many of them.
func request(req, tid int, addr, data uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	return errno
}

// requestAt makes one ptrace(2) request whose data is an address of ours.
func requestAt(req, tid int, addr uintptr, data unsafe.Pointer) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, uintptr(req), uintptr(tid), addr, uintptr(data), 0, 0)
	return errno
}

// eventMessage is PTRACE_GETEVENTMSG: a new thread's id, a former thread id
// after execve, or what a filter returned beside RET_TRACE.
func eventMessage(tid int, msg *uint64) unix.Errno {
	return requestAt(unix.PTRACE_GETEVENTMSG, tid, 0, unsafe.Pointer(msg))
}

// signalMask and setSignalMask are PTRACE_GETSIGMASK and PTRACE_SETSIGMASK.
func signalMask(tid int, mask *uint64) unix.Errno {
	return requestAt(ptraceGetSigmask, tid, unsafe.Sizeof(*mask), unsafe.Pointer(mask))
}

func setSignalMask(tid int, mask *uint64) unix.Errno {
	return requestAt(ptraceSetSigmask, tid, unsafe.Sizeof(*mask), unsafe.Pointer(mask))
}

// peek and poke are PTRACE_PEEKDATA and PTRACE_POKEDATA, one word at a time.
func peek(tid int, addr uint64, word *uint64) unix.Errno {
	return requestAt(unix.PTRACE_PEEKDATA, tid, uintptr(addr), unsafe.Pointer(word))
}

func poke(tid int, addr, word uint64) unix.Errno {
	return request(unix.PTRACE_POKEDATA, tid, uintptr(addr), uintptr(word))
}

// From include/uapi/linux/ptrace.h; not in x/sys.
const (
	ptraceGetSigmask = 0x420a
	ptraceSetSigmask = 0x420b
)

// callInfo is struct ptrace_syscall_info of include/uapi/linux/ptrace.h, with
// its union laid out as at a seccomp stop; at an entry stop the same but for
// the last field, at an exit stop nr is the result.
type callInfo struct {
	op   uint8
	_    [3]uint8
	arch uint32
	ip   uint64
	sp   uint64
	nr   uint64
	args [6]uint64
	data uint32
	_    uint32
}

// Values of callInfo.op.
const (
	infoEntry   = 1 // PTRACE_SYSCALL_INFO_ENTRY
	infoExit    = 2 // PTRACE_SYSCALL_INFO_EXIT
	infoSeccomp = 3 // PTRACE_SYSCALL_INFO_SECCOMP
)

// syscallInfo is PTRACE_GET_SYSCALL_INFO (Linux 5.3; EIO in gVisor).
func syscallInfo(tid int, info *callInfo) unix.Errno {
	return requestAt(unix.PTRACE_GET_SYSCALL_INFO, tid, unsafe.Sizeof(*info), unsafe.Pointer(info))
}

// wait is wait4(2). It blocks, so the scheduler is told.
func wait(tid int, status *unix.WaitStatus, flags int) (int, unix.Errno) {
	r, _, errno := unix.Syscall6(unix.SYS_WAIT4, uintptr(tid), uintptr(unsafe.Pointer(status)), uintptr(flags), 0, 0, 0)
	return int(r), errno
}
