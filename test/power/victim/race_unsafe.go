package main

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Calls with a name that others change: package unix would make a copy first.

func openRaw(name []byte, flags int) (int, error) {
	fd, err := callAt(unix.SYS_OPENAT, name, uintptr(flags|unix.O_CLOEXEC), 0, 0)
	return fd, err
}

func statRaw(name []byte, st *unix.Stat_t) error {
	_, err := callAt(sysFstatat, name, uintptr(unsafe.Pointer(st)), 0, 0)
	return err
}

func statfsRaw(name []byte, st *unix.Statfs_t) error {
	_, _, errno := unix.Syscall(unix.SYS_STATFS, uintptr(unsafe.Pointer(unsafe.SliceData(name))), uintptr(unsafe.Pointer(st)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func readlinkRaw(name, buf []byte) (int, error) {
	return callAt(unix.SYS_READLINKAT, name, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0)
}

// callAt makes a call with a name from the working folder.
func callAt(nr uintptr, name []byte, args ...uintptr) (int, error) {
	cwd := unix.AT_FDCWD
	v, _, errno := unix.Syscall6(nr, uintptr(cwd), uintptr(unsafe.Pointer(unsafe.SliceData(name))), args[0], args[1], args[2], 0)
	if errno != 0 {
		return -1, errno
	}
	return int(v), nil
}
