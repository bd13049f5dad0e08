package seccomp

import (
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A call that came after the rules is answered as by a kernel that lacks it,
// in each of the tables that a program can call; all others are the rules' own.
func TestRulesAnswerUnknownCalls(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("the numbers are those of x86")
	}
	const (
		enosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
		eperm  = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
		allow  = unix.SECCOMP_RET_ALLOW
	)
	names := []specs.LinuxSyscall{{Names: []string{"read", "getuid", "close", "no_such_call"}, Action: specs.ActAllow}}
	only64 := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: names}
	all := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: names,
		Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32}}
	kill := &specs.LinuxSeccomp{DefaultAction: specs.ActKillProcess, Syscalls: names}
	lax := &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
		{Names: []string{"getuid"}, Action: specs.ActErrno}, {Names: []string{"close"}, Action: specs.ActTrace},
	}}
	for _, test := range []struct {
		what     string
		rules    *specs.LinuxSeccomp
		nr, arch uint32
		want     uint32
	}{
		{"allowed", only64, unix.SYS_READ, auditX8664, allow},
		{"the highest", only64, unix.SYS_GETUID, auditX8664, allow},
		{"denied", only64, unix.SYS_MKDIR, auditX8664, eperm},
		{"above the highest", only64, unix.SYS_GETUID + 1, auditX8664, enosys},
		{"of the future", only64, 1000, auditX8664, enosys},
		{"killed", kill, unix.SYS_MKDIR, auditX8664, unix.SECCOMP_RET_KILL_PROCESS},
		{"of the future, where the others kill", kill, 1000, auditX8664, enosys},
		{"of an architecture that is not named", only64, 199, auditI386, unix.SECCOMP_RET_KILL_THREAD},
		{"x32 where it is not named", only64, unix.SYS_READ | x32Bit, auditX8664, unix.SECCOMP_RET_KILL_THREAD},
		{"x32 of the future where it is not named", only64, 1000 | x32Bit, auditX8664, unix.SECCOMP_RET_KILL_THREAD},

		{"allowed", all, unix.SYS_READ, auditX8664, allow},
		{"denied", all, unix.SYS_MKDIR, auditX8664, eperm},
		{"of the future", all, 1000, auditX8664, enosys},
		{"i386 close", all, 6, auditI386, allow},
		{"i386 open", all, 5, auditI386, eperm},
		{"i386 getuid, the highest", all, 24, auditI386, allow},
		{"i386 of the future", all, 1000, auditI386, enosys},
		{"x32 close, whose number is i386's value", all, unix.SYS_CLOSE | x32Bit, auditX8664, allow},
		{"x32 mkdir", all, unix.SYS_MKDIR | x32Bit, auditX8664, eperm},
		{"x32 of the future", all, 1000 | x32Bit, auditX8664, enosys},

		{"rules that allow the rest", lax, 1000, auditX8664, allow},
		{"and deny one", lax, unix.SYS_GETUID, auditX8664, eperm},
		{"a trace that nobody can take", lax, unix.SYS_CLOSE, auditX8664, enosys},
	} {
		program, _, err := Rules(test.rules)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := run(t, program, test.nr, test.arch, [6]uint64{}); got != test.want {
			t.Errorf("%s: verdict %#x, want %#x", test.what, got, test.want)
		}
	}
}

// The kernel takes the program, and answers by it.
func TestRulesInTheKernel(t *testing.T) {
	rules := &specs.LinuxSeccomp{DefaultAction: specs.ActErrno, Syscalls: []specs.LinuxSyscall{{
		// What a thread of Go's needs to say something and to end.
		Names: []string{"futex", "write", "exit", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "munmap", "madvise", "mmap",
			"nanosleep", "sched_yield", "gettid", "getpid", "tgkill", "epoll_pwait", "epoll_ctl", "clock_gettime", "prctl", "seccomp"},
		Action: specs.ActAllow,
	}}}
	program, flags, err := Rules(rules)
	if err != nil {
		t.Fatal(err)
	}
	answers := make(chan [3]unix.Errno, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with its filter
		var got [3]unix.Errno
		if _, _, err := Load(program, flags); err != nil {
			t.Error(err)
		}
		_, _, got[0] = unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
		_, _, got[1] = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		_, _, got[2] = unix.RawSyscall(1000, 0, 0, 0)
		answers <- got
	}()
	if got := <-answers; got != [3]unix.Errno{0, unix.EPERM, unix.ENOSYS} {
		t.Errorf("allowed, denied, and unknown: %v", got)
	}
}
