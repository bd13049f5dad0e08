package runtime

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// execDescriptor executes the file behind a descriptor, without a name for it.
func execDescriptor(fd int, args []string) unix.Errno {
	var empty byte
	argv := make([]*byte, 0, len(args)+1)
	for _, arg := range args {
		p, err := unix.BytePtrFromString(arg)
		if err != nil {
			return unix.EINVAL
		}
		argv = append(argv, p)
	}
	argv = append(argv, nil)
	env := []*byte{nil}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(&empty)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&env[0])), unix.AT_EMPTY_PATH, 0)
	return errno
}
