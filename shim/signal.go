package shim

import (
	"golang.org/x/sys/unix"
)

// signalFor sends signals as a caller could itself: who asks a group to be killed or
// frozen does no more by that than by kill(2). The kernel compares ids of the sender,
// and those are the supervisor's here, so that the comparison is made first
// (kill_ok_by_cred in kernel/signal.c); what the supervisor itself may not do fails
// as well.
func (s *Shim) signalFor(who *status) func(pid int, sig unix.Signal) error {
	return func(pid int, sig unix.Signal) error {
		uid, saved, ok := ownerOf(pid)
		switch {
		case !ok:
			return unix.ESRCH
		case pid == supervisor || pid == int(guardian.Load()):
			return unix.EPERM
		case who.euid != saved && who.euid != uid && who.uid != saved && who.uid != uid && !who.has(unix.CAP_KILL):
			return unix.EPERM
		}
		if shown, _, known := numbering(who.tid); !known {
			return unix.EPERM
		} else if shown != nil {
			if _, seen := shown(pid); !seen {
				return unix.EPERM // of another namespace: the caller has no number for it
			}
		}
		return unix.Kill(pid, sig)
	}
}
