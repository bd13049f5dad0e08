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
	byName         // it opens /proc/SUPERVISOR/fd/FD itself, and that is the right file
	bySocket       // it cannot, or that is another file: see receive
)

// install answers an open with a descriptor of the tracee's own for a.FD.
func (s *Stopped) install(a shim.Answer) {
	var saved registers
	if saved.get(s.tid) != 0 {
		return
	}
	result, err := s.reopen(&saved, a.FD, a.Flags)
	s.conclude(&saved, result, err)
}

// enterDirectory answers a chdir or fchdir with the directory of a.FD.
func (s *Stopped) enterDirectory(a shim.Answer) {
	var saved registers
	if saved.get(s.tid) != 0 {
		return
	}
	result, err := s.byName(&saved, a.FD, unix.SYS_CHDIR, func(path uint64) [6]uint64 {
		return [6]uint64{path}
	})
	s.conclude(&saved, result, err)
}

// conclude ends the script of a call that was made in another way.
func (s *Stopped) conclude(saved *registers, result int64, err error) {
	switch err {
	case nil:
		s.leave(saved, result)
	case unix.EFAULT:
		// No memory could be borrowed; the thread still is where it was.
		saved.setNumber(-1)
		saved.setResult(-int64(unix.EFAULT))
		if saved.set(s.tid) == 0 {
			s.entered = true
			s.resume(0)
		}
	}
}

// reopen makes the tracee open our descriptor anew, whatever it asked for, and
// returns the number or -errno.
func (s *Stopped) reopen(saved *registers, fd, flags int) (int64, error) {
	return s.byName(saved, fd, unix.SYS_OPENAT, func(path uint64) [6]uint64 {
		return [6]uint64{atFDCWD, path, uint64(flags)}
	})
}

// atFDCWD is AT_FDCWD as an argument register holds it; the path is absolute,
// but a filter of the tracee's may look.
const atFDCWD = ^uint64(-unix.AT_FDCWD - 1)

// byName makes call nr, in place of the one that the thread is stopped in, with
// a path to our descriptor: /proc/SUPERVISOR/fd/FD leads to the file itself,
// also when that has no other name.
func (s *Stopped) byName(saved *registers, fd, nr int, args func(path uint64) [6]uint64) (int64, error) {
	path := append(make([]byte, 0, 32), supervisorFDs...)
	path = append(strconv.AppendInt(path, int64(fd), 10), 0)
	memory, err := s.borrow(saved, path)
	if err != nil {
		return 0, err
	}
	regs := *saved
	a := args(memory.addr)
	regs.setArgs(&a)
	regs.setNumber(nr)
	result, err := s.makeCall(&regs)
	if err != nil {
		return 0, err
	}
	s.giveBack(memory)
	return result, nil
}

var supervisorFDs = "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/"
