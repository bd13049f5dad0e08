package shim

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below are made on the way of every trapped call, so they take
// names as NUL-terminated bytes in a buffer that the worker owns (x/sys copies
// a string for each call). Nor do they tell the scheduler (RawSyscall): the worker's
// thread is locked and has nothing else to do, and being told costs more than many
// a call. But where they may wait for a tracee, other workers and the garbage
// collector have to go on, or else that tracee waits for this worker.

// traceesServe is set by [Shim.MayServe], for all shims of this process.
var traceesServe atomic.Bool

// callAt makes a call of a descriptor, a name or result, a result, and a number.
func callAt(nr uintptr, fd int, p, q unsafe.Pointer, n int) (r uintptr, e unix.Errno) {
	if traceesServe.Load() {
		r, _, e = unix.Syscall6(nr, uintptr(fd), uintptr(p), uintptr(q), uintptr(n), 0, 0)
	} else {
		r, _, e = unix.RawSyscall6(nr, uintptr(fd), uintptr(p), uintptr(q), uintptr(n), 0, 0)
	}
	return r, e
}

// callOf makes a call of a descriptor, a name or result, and a number.
func callOf(nr uintptr, fd int, p unsafe.Pointer, n int) (r uintptr, e unix.Errno) {
	if traceesServe.Load() {
		r, _, e = unix.Syscall(nr, uintptr(fd), uintptr(p), uintptr(n))
	} else {
		r, _, e = unix.RawSyscall(nr, uintptr(fd), uintptr(p), uintptr(n))
	}
	return r, e
}

// fstatat is newfstatat(2); name must end in NUL.
func fstatat(dirfd int, name []byte, st *unix.Stat_t, flags int) unix.Errno {
	_, e := callAt(unix.SYS_NEWFSTATAT, dirfd, unsafe.Pointer(&name[0]), unsafe.Pointer(st), flags)
	return e
}

// fstat is fstat(2).
func fstat(fd int, st *unix.Stat_t) unix.Errno {
	_, e := callOf(unix.SYS_FSTAT, fd, unsafe.Pointer(st), 0)
	return e
}

// statfs is statfs(2); name must end in NUL.
func statfs(name []byte, st *unix.Statfs_t) (e unix.Errno) {
	if traceesServe.Load() {
		_, _, e = unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(st)), 0)
	} else {
		_, _, e = unix.RawSyscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(st)), 0)
	}
	return e
}

// fstatfs is fstatfs(2).
func fstatfs(fd int, st *unix.Statfs_t) unix.Errno {
	_, e := callOf(unix.SYS_FSTATFS, fd, unsafe.Pointer(st), 0)
	return e
}

// openat is openat(2); name must end in NUL. No mode: nothing is made.
func openat(dirfd int, name []byte, flags int) (int, unix.Errno) {
	fd, e := callOf(unix.SYS_OPENAT, dirfd, unsafe.Pointer(&name[0]), flags)
	return int(fd), e
}

// readlinkat is readlinkat(2); name must end in NUL.
func readlinkat(dirfd int, name, buf []byte) (int, unix.Errno) {
	n, e := callAt(unix.SYS_READLINKAT, dirfd, unsafe.Pointer(&name[0]), unsafe.Pointer(&buf[0]), len(buf))
	return int(n), e
}

// rawGetdents is getdents64(2), or getdents(2) where there is one.
func rawGetdents(nr, fd int, buf []byte) (int, unix.Errno) {
	if len(buf) == 0 {
		return 0, unix.EINVAL
	}
	n, e := callOf(uintptr(nr), fd, unsafe.Pointer(&buf[0]), len(buf))
	return int(n), e
}

// bytesOf shows a kernel structure as the bytes that the tracee's memory takes.
func bytesOf[T unix.Stat_t | unix.Statfs_t | unix.Statx_t | unix.Utsname | unix.Sysinfo_t](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}
