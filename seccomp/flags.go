package seccomp

import "golang.org/x/sys/unix"

// Flags of seccomp(2) SECCOMP_SET_MODE_FILTER.
type Flags uint32

const (
	// Listen asks for a notification descriptor. EBUSY when one of the
	// thread's filters has a listener already: there can be one.
	Listen Flags = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	// WaitKillable makes a received notification immune to all signals but
	// fatal ones, so that a program that signals itself all the time (the Go
	// runtime's SIGURG) does not make each call start over. Since Linux 5.19;
	// [Load] goes without where the kernel does not know it.
	WaitKillable Flags = unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
)
