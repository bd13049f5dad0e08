package shim

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The calls below are made on the way of every trapped call, so they take
// names as NUL-terminated bytes in a buffer that the worker owns (x/sys copies
// a string for each call) and do not tell the scheduler (RawSyscall: the
// worker's thread is locked and has nothing else to do).

// fstatat is newfstatat(2); name must end in NUL.
func fstatat(dirfd int, name []byte, st *unix.Stat_t, flags int) unix.Errno {
	_, _, e := unix.RawSyscall6(unix.SYS_NEWFSTATAT, uintptr(dirfd),
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(st)), uintptr(flags), 0, 0)
	return e
}

// fstat is fstat(2).
func fstat(fd int, st *unix.Stat_t) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_FSTAT, uintptr(fd), uintptr(unsafe.Pointer(st)), 0)
	return e
}

// statfs is statfs(2); name must end in NUL.
func statfs(name []byte, st *unix.Statfs_t) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(st)), 0)
	return e
}

// fstatfs is fstatfs(2).
func fstatfs(fd int, st *unix.Statfs_t) unix.Errno {
	_, _, e := unix.RawSyscall(unix.SYS_FSTATFS, uintptr(fd), uintptr(unsafe.Pointer(st)), 0)
	return e
}

// openat is openat(2); name must end in NUL.
func openat(dirfd int, name []byte, flags int) (int, unix.Errno) {
	fd, _, e := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(dirfd),
		uintptr(unsafe.Pointer(&name[0])), uintptr(flags), 0, 0, 0)
	return int(fd), e
}

// readlinkat is readlinkat(2); name must end in NUL.
func readlinkat(dirfd int, name, buf []byte) (int, unix.Errno) {
	n, _, e := unix.RawSyscall6(unix.SYS_READLINKAT, uintptr(dirfd),
		uintptr(unsafe.Pointer(&name[0])), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)), 0, 0)
	return int(n), e
}

// rawGetdents is getdents64(2), or getdents(2) where there is one.
func rawGetdents(nr, fd int, buf []byte) (int, unix.Errno) {
	if len(buf) == 0 {
		return 0, unix.EINVAL
	}
	n, _, e := unix.RawSyscall(uintptr(nr), uintptr(fd), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
	return int(n), e
}

// bytesOf shows a kernel structure as the bytes that the tracee's memory takes.
func bytesOf[T unix.Stat_t | unix.Statfs_t | unix.Statx_t | unix.Utsname | unix.Sysinfo_t](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// text shows bytes as a string without copying them, for look-ups that do not
// keep it. The bytes must not change while the string is in use.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
