package ground

import (
	"os"

	"golang.org/x/sys/unix"
)

// pidfdGetfd takes a descriptor of this very process.
func pidfdGetfd() (string, error) {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return "", os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(pidfd)
	own, err := unix.Open("/", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", untried(err)
	}
	defer unix.Close(own)
	copied, err := unix.PidfdGetfd(pidfd, own, 0)
	if err != nil {
		return "", os.NewSyscallError("pidfd_getfd", err)
	}
	return "", unix.Close(copied)
}
