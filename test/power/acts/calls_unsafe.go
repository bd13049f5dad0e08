package acts

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// mapLow maps memory below 2 GiB. By the raw call: package unix would give what
// it remembers.
func mapLow(size int) ([]byte, error) {
	addr, _, errno := unix.Syscall6(unix.SYS_MMAP, 0, uintptr(size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|map32Bit, ^uintptr(0), 0)
	if errno != 0 {
		return nil, errno
	}
	return unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&addr))), size), nil
}

func unmapLow(mem []byte) {
	_, _, _ = unix.Syscall(unix.SYS_MUNMAP, address(mem), uintptr(len(mem)), 0)
}

func address(mem []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(mem))) }

// call makes a system call that package unix has no function for.
func call(nr uintptr, args ...uintptr) (int, error) {
	var a [6]uintptr
	copy(a[:], args)
	v, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	if errno != 0 {
		return -1, errno
	}
	return int(v), nil
}

// empty is "" as the kernel reads it.
var empty [1]byte

func emptyName() uintptr { return uintptr(unsafe.Pointer(&empty)) }

// fchmodat2 changes what an O_PATH descriptor stands for.
func fchmodat2(fd int, mode uint32) error {
	const number = 452 // on all architectures
	_, err := call(number, uintptr(fd), emptyName(), uintptr(mode), unix.AT_EMPTY_PATH)
	return err
}

// setFlags is what chattr(1) does.
func setFlags(fd int, flags int) error {
	value := new(int)
	*value = flags
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.FS_IOC_SETFLAGS, uintptr(unsafe.Pointer(value)))
	if errno != 0 {
		return errno
	}
	return nil
}
