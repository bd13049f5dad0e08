package ptrace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArch is what callInfo.arch says of this architecture's own calls.
const auditArch = unix.AUDIT_ARCH_AARCH64

// From include/uapi/linux/elf.h.
const (
	ntPrstatus      = 1
	ntArmSystemCall = 0x404
)

// registers are a stopped thread's general registers, struct user_pt_regs, and
// the number of the call that it is in, which is not one of them: the kernel
// copies x8 at the entry and looks at the copy from then on.
type registers struct {
	unix.PtraceRegs
	nr      int32
	renamed bool // nr has to be written back
}

func (r *registers) get(tid int) unix.Errno {
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&r.PtraceRegs)), Len: uint64(unsafe.Sizeof(r.PtraceRegs))}
	errno := requestAt(unix.PTRACE_GETREGSET, tid, ntPrstatus, unsafe.Pointer(&iov))
	r.nr, r.renamed = int32(r.Regs[8]), false
	return errno
}

func (r *registers) set(tid int) unix.Errno {
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&r.PtraceRegs)), Len: uint64(unsafe.Sizeof(r.PtraceRegs))}
	errno := requestAt(unix.PTRACE_SETREGSET, tid, ntPrstatus, unsafe.Pointer(&iov))
	if errno != 0 || !r.renamed {
		return errno
	}
	iov = unix.Iovec{Base: (*byte)(unsafe.Pointer(&r.nr)), Len: uint64(unsafe.Sizeof(r.nr))}
	return requestAt(unix.PTRACE_SETREGSET, tid, ntArmSystemCall, unsafe.Pointer(&iov))
}

// number is the number of the call that the thread is in.
func (r *registers) number() int { return int(r.nr) }

// setNumber makes it another call; -1 skips it.
func (r *registers) setNumber(nr int) { r.nr, r.renamed = int32(nr), true }

func (r *registers) args() [6]uint64 { return [6]uint64(r.Regs[:6]) }

func (r *registers) setArgs(a *[6]uint64) { copy(r.Regs[:6], a[:]) }

func (r *registers) result() int64     { return int64(r.Regs[0]) }
func (r *registers) setResult(v int64) { r.Regs[0] = uint64(v) }
func (r *registers) stack() uint64     { return r.Sp }

// atEntry tells an entry stop from an exit stop: x7 says 0 there and 1 here
// (arch/arm64/kernel/ptrace.c, report_syscall).
func (r *registers) atEntry() bool { return r.Regs[7] == 0 }

// again makes a thread that is out of its call execute the same svc
// instruction once more, as call nr.
func (r *registers) again(nr int) {
	r.Pc -= uint64(len(callInstruction))
	r.Regs[8] = uint64(nr)
	r.setNumber(-1)
}

// callsAreKept: they are not. The first argument is gone, x0 holds the result, and
// the kernel's own copy of it is only used for calls that it marked itself before
// the thread stopped.
const callsAreKept = false

// callInstruction makes a call, svc #0.
const callInstruction = "\x01\x00\x00\xd4"

// Nothing replaces that: gVisor's systrap does it for x86 only.
const replacedSize = 0

func replaced([]byte) bool { return false }

// counter is where the thread goes on.
func (r *registers) counter() uint64 { return r.Pc }

// Calls that only older architectures have.
const sysDup2 = -2

func forks(int) bool { return false }
