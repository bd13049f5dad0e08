package ground

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/thread"
)

// separateNetwork tries a network namespace. Old gVisor makes such in which there
// is no network whatever, not even to itself.
func separateNetwork() (string, error) {
	return "", thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return os.NewSyscallError("unshare(CLONE_NEWNET)", err)
		}
		return RaiseLoopback()
	})
}

// RaiseLoopback brings up the loopback interface of the calling thread's network
// namespace. The old ioctl does, where rtnetlink may be missing.
func RaiseLoopback() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	// struct ifreq, netdevice(7).
	var request struct {
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "lo")
	request.flags = unix.IFF_UP
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCSIFFLAGS, uintptr(unsafe.Pointer(&request))); errno != 0 {
		return os.NewSyscallError("ioctl(SIOCSIFFLAGS)", errno)
	}
	return nil
}

// separateName tries a UTS namespace, and whether its name can be set: to the one
// that it has, for a kernel may say yes and make none. Without a file of it in /proc, as
// in old gVisor, no other process can enter one, such as a pod's second container.
func separateName() (string, error) {
	if err := unix.Access("/proc/self/ns/uts", unix.F_OK); err != nil {
		return "", &os.PathError{Op: "access", Path: "/proc/self/ns/uts", Err: err}
	}
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "", untried(os.NewSyscallError("uname", err))
	}
	return "", thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWUTS); err != nil {
			return os.NewSyscallError("unshare(CLONE_NEWUTS)", err)
		}
		return os.NewSyscallError("sethostname", unix.Sethostname([]byte(unix.ByteSliceToString(u.Nodename[:]))))
	})
}

// procRoot asks for PROC_ROOT_INO of include/linux/proc_fs.h.
func procRoot() (string, error) {
	const procRootIno = 1
	var st unix.Stat_t
	if err := unix.Stat("/proc", &st); err != nil {
		return "", untried(&os.PathError{Op: "stat", Path: "/proc", Err: err})
	}
	if st.Ino != procRootIno {
		return "", fmt.Errorf("/proc has inode %d, which runc since 1.4 takes for a false /proc", st.Ino)
	}
	return "", nil
}
