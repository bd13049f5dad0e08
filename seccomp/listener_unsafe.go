package seccomp

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctl requests of linux/seccomp.h; the same on amd64 and arm64.
const (
	ioctlRecv     = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	ioctlSend     = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	ioctlIDValid  = 0x40082102 // SECCOMP_IOCTL_NOTIF_ID_VALID
	ioctlAddFD    = 0x40182103 // SECCOMP_IOCTL_NOTIF_ADDFD
	ioctlSetFlags = 0x40082104 // SECCOMP_IOCTL_NOTIF_SET_FLAGS
)

// notification is struct seccomp_notif. A kernel to come may write more than
// this one knows (SECCOMP_GET_NOTIF_SIZES says how much): spare takes that.
type notification struct {
	id    uint64
	pid   uint32
	flags uint32
	data  struct {
		nr                 int32
		arch               uint32
		instructionPointer uint64
		args               [6]uint64
	}
	spare [424]byte
	// given is one more than the number of a descriptor that the tracee has been given,
	// while the call that it is the answer of has not been answered.
	given int64
}

// knownNotification is sizeof(struct seccomp_notif) as Linux has had it since 5.0.
const knownNotification = 80

// clear makes n ready to be received into (the kernel checks that it is zero),
// and says in the journal that the call has been answered: the id goes first.
func (n *notification) clear() {
	atomic.StoreUint64(&n.id, 0)
	*(*[knownNotification]byte)(unsafe.Pointer(n)) = [knownNotification]byte{}
	n.given = 0
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	err   int32
	flags uint32
}

// addFD is struct seccomp_notif_addfd.
type addFD struct {
	id         uint64
	flags      uint32
	srcFD      uint32
	newFD      uint32
	newFDFlags uint32
}

// receive waits for the next notification. It blocks, so it must tell the
// scheduler (Syscall): all other requests are RawSyscall, being short. The
// kernel insists on a zeroed structure, see clear.
func (l *Listener) receive(n *notification) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), ioctlRecv, uintptr(unsafe.Pointer(n)))
	return errno
}

// send answers a notification. EINTR means that a signal to this thread came
// while it waited for the filter's lock (mutex_lock_interruptible in
// seccomp_notify_send), and nothing has been sent: a tracee would wait forever.
func (l *Listener) send(r *response) unix.Errno {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.fd), ioctlSend, uintptr(unsafe.Pointer(r)))
		if errno != unix.EINTR {
			return errno
		}
	}
}

func (l *Listener) valid(id *uint64) bool {
	for {
		_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.fd), ioctlIDValid, uintptr(unsafe.Pointer(id)))
		if errno != unix.EINTR { // as for send
			return errno == 0
		}
	}
}

// addFD waits until the tracee has run and taken the descriptor. When a signal
// to this thread ends the wait, the kernel takes the request back.
func (l *Listener) addFD(a *addFD) (int, unix.Errno) {
	for {
		fd, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(l.fd), ioctlAddFD, uintptr(unsafe.Pointer(a)))
		if errno != unix.EINTR {
			return int(fd), errno
		}
	}
}

func (l *Listener) setFlags(flags uintptr) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(l.fd), ioctlSetFlags, flags)
	return errno
}

// notificationSize asks the kernel how much it writes for one notification.
func notificationSize() (int, unix.Errno) {
	var sizes struct{ notif, resp, data uint16 }
	_, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_NOTIF_SIZES, 0, uintptr(unsafe.Pointer(&sizes)))
	return int(sizes.notif), errno
}
