package seccomp

import (
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Load loads a program on the calling thread alone, which the caller has
// locked (runtime.LockOSThread), and which hands the filter down to all that
// it clones. It makes no call but prctl(2) and seccomp(2). The descriptor is
// -1 where no listener was asked for; got is flags without what the kernel
// does not know and can be gone without.
//
// no_new_privs is set only where the kernel demands it, that is where the
// thread lacks CAP_SYS_ADMIN (seccomp(2), EACCES), so that setuid programs go
// on working under a privileged caller.
func Load(program []unix.SockFilter, flags Flags) (listener int, got Flags, err error) {
	fd, errno := load(program, flags)
	if errno == unix.EACCES {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return -1, 0, os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", err)
		}
		fd, errno = load(program, flags)
	}
	if errno == unix.EINVAL && flags&WaitKillable != 0 {
		// Linux before 5.19.
		flags &^= WaitKillable
		fd, errno = load(program, flags)
	}
	if errno != 0 {
		return -1, 0, os.NewSyscallError("seccomp", errno)
	}
	if flags&Listen == 0 {
		return -1, flags, nil
	}
	return fd, flags, nil
}

func load(program []unix.SockFilter, flags Flags) (int, unix.Errno) {
	fprog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		uintptr(flags), uintptr(unsafe.Pointer(&fprog)))
	runtime.KeepAlive(program)
	return int(fd), errno
}
