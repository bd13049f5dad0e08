package ptrace

import (
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawChdir is chdir of whatever is at base+at, mapped or not.
func rawChdir(base *byte, at int) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall(unix.SYS_CHDIR, uintptr(unsafe.Pointer(base))+uintptr(at), 0, 0)
	if errno != 0 {
		n = 0
	}
	return int(n), errno
}

// munmapPart takes a hole out of a mapping.
func munmapPart(pages []byte, from, to int) error {
	_, _, errno := unix.RawSyscall(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(&pages[from])), uintptr(to-from), 0)
	if errno != 0 {
		return os.NewSyscallError("munmap", errno)
	}
	return nil
}

func inGvisor() bool {
	version, _ := os.ReadFile("/proc/version")
	return strings.HasPrefix(string(version), "Linux version 4.4.0")
}

func countLines(text, with string) (n int) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			n++
		}
	}
	return n
}

// rawLseek is lseek; second is the second result register of the calling
// convention, which the kernel leaves as it was: rdx, the third argument, on
// amd64, and x1, the second, on arm64.
func rawLseek(fd, offset, whence int) (at, second int) {
	r1, r2, _ := unix.RawSyscall(unix.SYS_LSEEK, uintptr(fd), uintptr(offset), uintptr(whence))
	return int(r1), int(r2)
}

// sendto is the call itself: unix.Sendto wants an address.
func sendto(to int, b []byte) (int, error) {
	n, _, errno := unix.Syscall6(unix.SYS_SENDTO, uintptr(to), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0, 0, 0)
	if errno != 0 {
		return -1, errno
	}
	return int(n), nil
}
