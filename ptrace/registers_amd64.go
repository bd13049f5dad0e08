package ptrace

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// auditArch is what callInfo.arch says of this architecture's own calls.
const auditArch = unix.AUDIT_ARCH_X86_64

// registers are a stopped thread's general registers, struct user_regs_struct.
type registers struct{ unix.PtraceRegs }

func (r *registers) get(tid int) unix.Errno {
	return requestAt(unix.PTRACE_GETREGS, tid, 0, unsafe.Pointer(&r.PtraceRegs))
}

func (r *registers) set(tid int) unix.Errno {
	return requestAt(unix.PTRACE_SETREGS, tid, 0, unsafe.Pointer(&r.PtraceRegs))
}

// number is the number of the call that the thread is in.
func (r *registers) number() int { return int(r.Orig_rax) }

// setNumber makes it another call; -1 skips it.
func (r *registers) setNumber(nr int) { r.Orig_rax = uint64(nr) }

func (r *registers) args() [6]uint64 {
	return [6]uint64{r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9}
}

func (r *registers) setArgs(a *[6]uint64) {
	r.Rdi, r.Rsi, r.Rdx, r.R10, r.R8, r.R9 = a[0], a[1], a[2], a[3], a[4], a[5]
}

func (r *registers) result() int64     { return int64(r.Rax) }
func (r *registers) setResult(v int64) { r.Rax = uint64(v) }
func (r *registers) stack() uint64     { return r.Rsp }

// atEntry tells an entry stop from an exit stop. The kernel puts -ENOSYS in
// the result register before the entry stop (arch/x86/entry/entry_64.S), and
// gVisor does the same; a call that really returns ENOSYS looks alike, so this
// is asked only where nothing better is known.
func (r *registers) atEntry() bool { return r.result() == -int64(unix.ENOSYS) }

// again makes a thread that is out of its call execute the same syscall
// instruction once more, as call nr. The number -1 of the call that
// it came from keeps the kernel from restarting that one.
func (r *registers) again(nr int) {
	r.Rip -= uint64(len(callInstruction))
	r.Rax = uint64(nr)
	r.setNumber(-1)
}

// callsAreKept: the registers of a thread that has returned from a call still
// say which one it was, with which arguments.
const callsAreKept = true

// callInstruction makes a call, syscall.
const callInstruction = "\x0f\x05"

// replacedSize is how long "mov $NUMBER, %eax; syscall" is, and what replaces it.
const replacedSize = 7

// replaced tells whether code is the "jmp *ENTRY" that gVisor's systrap may put in
// place of "mov $NUMBER, %eax; syscall" (pkg/sentry/platform/systrap/usertrap). Its
// table of entries begins at 0x60000, for 06 is no instruction: a thread that goes
// back over two bytes faults there, and is set to where the mov was. So it makes the
// call of that place again, whichever number it has in rax.
func replaced(code []byte) bool {
	return len(code) == replacedSize && string(code[:3]) == "\xff\x24\x25" && string(code[5:]) == "\x06\x00"
}

// counter is where the thread goes on.
func (r *registers) counter() uint64 { return r.Rip }

// Calls that only older architectures have.
const sysDup2 = unix.SYS_DUP2

func forks(nr int) bool { return nr == unix.SYS_FORK || nr == unix.SYS_VFORK }
