package runtime

import (
	"time"

	"golang.org/x/sys/unix"
)

// awaitExit returns when the process is gone, whose child or tracee it may be.
func awaitExit(pid int) {
	fd, err := -1, error(unix.EMFILE)
	if !fewDescriptors() {
		fd, err = unix.PidfdOpen(pid, 0)
	}
	if err == unix.ESRCH {
		return
	}
	if err != nil {
		awaitExitByAsking(pid)
		return
	}
	defer unix.Close(fd)
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, -1); n > 0 || (err != nil && err != unix.EINTR) {
			return
		}
	}
}

// awaitExitByAsking is for kernels without pidfd_open(2) (before 5.3, old
// gVisor), where nothing can be waited on, and for want of a descriptor: it only
// decides when an unused descriptor is closed.
func awaitExitByAsking(pid int) {
	for unix.Kill(pid, 0) != unix.ESRCH {
		time.Sleep(50 * time.Millisecond)
	}
}
