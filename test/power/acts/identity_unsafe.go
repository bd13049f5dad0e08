package acts

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// Of this thread alone, where package syscall would change all of them.

func rawSetuid(uid int) error {
	_, err := call(unix.SYS_SETUID, uintptr(uid))
	return err
}

func rawSetgroups() error {
	groups := []uint32{GroupID}
	_, _, errno := unix.Syscall(unix.SYS_SETGROUPS, 1, uintptr(unsafe.Pointer(&groups[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func swapon(name *byte) error {
	_, _, errno := unix.Syscall(unix.SYS_SWAPON, uintptr(unsafe.Pointer(name)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
