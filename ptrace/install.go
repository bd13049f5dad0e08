package ptrace

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// route is how a process is given descriptors.
type route uint8

const (
	untried  route = iota
	byName         // it opens /proc/SUPERVISOR/fd/FD, and that has been seen to be the right file
	bySocket       // it may not or cannot: it receives them by SCM_RIGHTS
)

// supervisorFDs holds our descriptors, for whoever may look.
var supervisorFDs = "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/"

// atFDCWD is AT_FDCWD as an argument register holds it.
const atFDCWD = ^uint64(-unix.AT_FDCWD - 1)

// install answers an open, of whatever kind, with a descriptor of the tracee's
// own for the file behind a.FD.
//
// kept tells that our descriptor is not ours any more.
func (s *Stopped) install(a shim.Answer) (kept bool) {
	in, err := s.inject()
	if err != nil {
		return false
	}
	if a.Itself && s.process.route != byName {
		if result, err := in.openByItself(a.FD, a.Flags); err == nil {
			in.end(result)
		}
		return false
	}
	result, err := in.give(a)
	if err == nil && a.High && result >= 0 {
		result, kept, err = in.raise(result, a)
	}
	if err == nil {
		in.end(result)
	}
	return kept
}

// give has the tracee have a descriptor for the file behind a.FD, and returns its number.
func (in *injection) give(a shim.Answer) (int64, error) {
	result, tried, err := in.byName(a.FD, unix.SYS_OPENAT, func(path uint64) []uint64 {
		return []uint64{atFDCWD, path, uint64(a.Flags)}
	})
	if err != nil {
		return 0, err
	}
	if tried && result >= 0 && in.process.route == untried {
		if same, known := in.compare(int(result), a.FD); same && known {
			in.process.route = byName
		} else {
			// The tracee sees another pid namespace's /proc, where our number
			// is another process's.
			if err := in.close(result); err != nil {
				return 0, err
			}
			result = -int64(unix.ENOENT)
		}
	}
	switch {
	case !unreachable(result):
		return result, nil
	case a.Itself:
		return in.openByItself(a.FD, a.Flags)
	}
	in.process.route = bySocket
	if a.Opened {
		return in.receiveOpened(a.FD, a.Flags)
	}
	return in.receive(a.FD, a.Flags)
}

// raise moves a descriptor that was given to a high number. The low one is there for
// three calls, known to nobody: another thread that writes to it by guess is told that
// it has written, and nothing comes of that. Where no number is free, or the process may
// not have such, it is followed.
func (in *injection) raise(low int64, a shim.Answer) (number int64, kept bool, err error) {
	how := uint64(unix.F_DUPFD)
	if a.Flags&unix.O_CLOEXEC != 0 {
		how = unix.F_DUPFD_CLOEXEC
	}
	high, err := in.call(unix.SYS_FCNTL, uint64(low), how, shim.High)
	if err == nil {
		err = in.close(low)
	}
	if err != nil {
		return 0, false, err
	}
	if shim.IsHigh(int(high)) {
		in.policy.Handed(a.FD)
		return high, true, nil
	}
	if high >= 0 {
		if err := in.close(high); err != nil {
			return 0, false, err
		}
	}
	t := in.thread
	in.loop.follow(t)
	if err := in.awaitArrival(); err != nil {
		return 0, false, err
	}
	low, err = in.give(a)
	t.expectNoMore()
	t.arrived()
	return low, false, err
}

// enterDirectory answers a chdir or fchdir with the directory behind a.FD.
func (s *Stopped) enterDirectory(a shim.Answer) {
	in, err := s.inject()
	if err != nil {
		return
	}
	result := -int64(unix.ENOENT)
	// Only where an open has been seen to lead to the right file: there is no
	// way back out of a wrong directory.
	if s.process.route == byName || s.seesUs() {
		result, _, err = in.byName(a.FD, unix.SYS_CHDIR, func(path uint64) []uint64 {
			return []uint64{path}
		})
	}
	if err == nil && unreachable(result) {
		result, err = in.receiveDirectory(a.FD)
	}
	if err == nil {
		in.end(result)
	}
}

// byName makes call nr with a path to our descriptor, unless this process is
// known not to get there.
func (in *injection) byName(fd, nr int, args func(path uint64) []uint64) (result int64, tried bool, err error) {
	if in.process.route == bySocket {
		return -int64(unix.EACCES), false, nil
	}
	path := append(make([]byte, 0, 32), supervisorFDs...)
	path = append(strconv.AppendInt(path, int64(fd), 10), 0)
	m, err := in.borrow(len(path), func(uint64) []byte { return path })
	if err != nil {
		return -int64(unix.EFAULT), false, nil
	}
	result, err = in.call(nr, args(m.addr)...)
	if err == nil {
		in.giveBack(m)
	}
	return result, true, err
}

// unreachable tells whether a call by name failed for want of a way to our
// descriptor: another user's /proc/SUPERVISOR/fd, a chroot without /proc,
// another pid namespace.
func unreachable(result int64) bool {
	switch unix.Errno(-result) {
	case unix.EACCES, unix.EPERM, unix.ENOENT, unix.ENOTDIR, unix.ELOOP, unix.ESRCH:
		return true
	}
	return false
}

// compare tells whether the tracee's descriptor is the same file as ours, if that can
// be known. What the tracee has there may be a file whose server does not answer: that
// is not asked.
func (s *Stopped) compare(theirs, ours int) (same, known bool) {
	var a, b unix.Statx_t
	name := "/proc/" + strconv.Itoa(s.tid) + "/fd/" + strconv.Itoa(theirs)
	err := unix.Statx(unix.AT_FDCWD, name, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &a)
	if err == nil {
		err = unix.Statx(ours, "", unix.AT_EMPTY_PATH|unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &b)
	}
	return a.Dev_major == b.Dev_major && a.Dev_minor == b.Dev_minor && a.Ino == b.Ino, err == nil
}

// seesUs tells whether what the tracee finds under our number in /proc is us:
// the root of the tracee and our own lead to the same inode.
func (s *Stopped) seesUs() bool {
	name := "/proc/" + strconv.Itoa(os.Getpid())
	var a, b unix.Stat_t
	if unix.Stat("/proc/"+strconv.Itoa(s.tid)+"/root"+name, &a) != nil || unix.Stat(name, &b) != nil {
		return false
	}
	return a.Dev == b.Dev && a.Ino == b.Ino
}
