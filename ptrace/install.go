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
func (s *Stopped) install(a shim.Answer) {
	in, err := s.inject()
	if err != nil {
		return
	}
	if a.Itself && s.process.route != byName {
		if result, err := in.openByItself(a.FD, a.Flags); err == nil {
			in.end(result)
		}
		return
	}
	result, tried, err := in.byName(a.FD, unix.SYS_OPENAT, func(path uint64) []uint64 {
		return []uint64{atFDCWD, path, uint64(a.Flags)}
	})
	if err != nil {
		return
	}
	if tried && result >= 0 && s.process.route == untried {
		if same, known := s.compare(int(result), a.FD); same && known {
			s.process.route = byName
		} else {
			// The tracee sees another pid namespace's /proc, where our number
			// is another process's.
			if _, err := in.call(unix.SYS_CLOSE, uint64(result)); err != nil {
				return
			}
			result = -int64(unix.ENOENT)
		}
	}
	switch {
	case !unreachable(result):
	case a.Itself:
		if result, err = in.openByItself(a.FD, a.Flags); err != nil {
			return
		}
	default:
		s.process.route = bySocket
		receive := in.receive
		if a.Opened {
			receive = in.receiveOpened
		}
		if result, err = receive(a.FD, a.Flags); err != nil {
			return
		}
	}
	in.end(result)
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
