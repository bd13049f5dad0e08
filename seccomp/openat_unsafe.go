package seccomp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// openat opens a NUL-terminated path without copying it first.
func openat(dirFD int, path *byte, flags int) (int, unix.Errno) {
	fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dirFD), uintptr(unsafe.Pointer(path)),
		uintptr(flags|unix.O_LARGEFILE), 0, 0, 0)
	return int(fd), errno
}

// fstatat looks at a NUL-terminated absolute path.
func fstatat(path *byte, st *unix.Stat_t) unix.Errno {
	_, _, errno := unix.Syscall6(sysNewfstatat, 0, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(st)), 0, 0, 0)
	return errno
}
