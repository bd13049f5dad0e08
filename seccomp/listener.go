package seccomp

import (
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Listener is the supervisor's end of a filter: the descriptor on which
// notifications come in. It owns the descriptor.
type Listener struct {
	fd int
	// killable tells that the filter was loaded with WaitKillable.
	killable bool
}

// NewListener takes over a descriptor that [Load] returned, in this process or
// another, and the flags that came with it.
func NewListener(fd int, flags Flags) (*Listener, error) {
	size, errno := notificationSize()
	if errno != 0 {
		return nil, os.NewSyscallError("seccomp SECCOMP_GET_NOTIF_SIZES", errno)
	}
	if size > int(knownNotification+len(notification{}.spare)) {
		return nil, fmt.Errorf("this kernel's seccomp notifications have %d bytes, more than this build can take: use --backend ptrace", size)
	}
	l := &Listener{fd: fd, killable: flags&WaitKillable != 0}
	// Tracee and supervisor take turns: waking the other on the same CPU saves
	// an interrupt to another one and its way out of idle, which is most of the
	// cost of a sparse call. Since Linux 6.6; merely slower without.
	_ = l.setFlags(unix.SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
	return l, nil
}

// FD is the listener's descriptor; it stays the listener's own.
func (l *Listener) FD() int { return l.fd }

// Close gives the listener back. Calls that wait for an answer then fail with
// ENOSYS, and so do all trapped calls to come. It does not wake a receiver.
func (l *Listener) Close() error {
	return os.NewSyscallError("close", unix.Close(l.fd))
}

// AwaitEmpty returns when no task has the filter any more. Meanwhile it calls lost when
// the connection beside is hung up, and goes on with the one that this gives, -1 for
// none; where lost is nil there is none.
//
// It polls for POLLHUP alone, which is always watched: notifications, which
// wake pollers of POLLIN, leave this thread asleep. POLLERR says no more than
// that a signal came while the kernel waited for the filter's lock.
func (l *Listener) AwaitEmpty(beside int, lost func() int) error {
	if lost == nil {
		beside = -1
	}
	for {
		fds := []unix.PollFd{{Fd: int32(l.fd)}, {Fd: int32(beside)}}
		switch _, err := unix.Poll(fds, -1); {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("poll", err)
		case fds[0].Revents&unix.POLLHUP != 0:
			return nil
		case fds[1].Revents != 0:
			beside = lost()
		}
	}
}

// empty tells whether no task has the filter any more.
func (l *Listener) empty() bool {
	fds := []unix.PollFd{{Fd: int32(l.fd)}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&unix.POLLHUP != 0
}

// await waits until a notification can be received.
func (l *Listener) await(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		left := time.Until(deadline)
		if left < 0 {
			return fmt.Errorf("no notification arrived within %v: %w", timeout, os.ErrDeadlineExceeded)
		}
		fds := []unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}}
		switch _, err := unix.Poll(fds, int(left/time.Millisecond)+1); {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("poll", err)
		case fds[0].Revents&unix.POLLIN != 0:
			return nil
		case fds[0].Revents&unix.POLLHUP != 0:
			return fmt.Errorf("the filtered thread is gone: %w", unix.ESRCH)
		}
	}
}
