package ptrace

import (
	"errors"

	"golang.org/x/sys/unix"
)

// errGone is what a script sees of a thread that was killed, or whose process
// has executed another program meanwhile.
var errGone = errors.New("the tracee is gone")

// Stopped is a thread in a ptrace-stop. Requests exist only here, and those
// that let the thread run consume it: using it after that is a nil dereference.
//
// Any request can find the thread killed (ESRCH): that is normal and never
// fatal. The thread's end will be reported by wait4 in its turn.
type Stopped struct{ *thread }

// resume lets the thread run, to its next event or, while its process is
// followed, to the next end of a call. It delivers a signal if that is not 0.
func (s *Stopped) resume(signal unix.Signal) unix.Errno {
	t := s.thread
	s.thread = nil
	t.loop.regsOf = 0
	if t.trapAgain {
		// Whatever stop it was that the script could not attend to, a group-stop
		// included, the kernel reports anew.
		t.trapAgain = false
		request(unix.PTRACE_INTERRUPT, t.tid, 0, 0)
	}
	switch {
	case t.leaving():
		t.letGo()
		return request(unix.PTRACE_DETACH, t.tid, 0, uintptr(signal))
	case t.followed():
		return request(unix.PTRACE_SYSCALL, t.tid, 0, uintptr(signal))
	default:
		return request(unix.PTRACE_CONT, t.tid, 0, uintptr(signal))
	}
}

// listen leaves the thread in its group-stop, where SIGCONT can end it.
func (s *Stopped) listen() {
	t := s.thread
	s.thread = nil
	if t.leaving() {
		// Detached in a group-stop, it stays stopped as if never traced.
		t.letGo()
		request(unix.PTRACE_DETACH, t.tid, 0, 0)
		return
	}
	request(unix.PTRACE_LISTEN, t.tid, 0, 0)
}

// order says which comes first for a call that is both trapped by a filter and
// seen by PTRACE_SYSCALL.
type order uint8

const (
	orderUnknown order = iota
	entryFirst         // entry stop, filter, exit stop: Linux since 4.8
	seccompFirst       // filter, entry stop, exit stop: gVisor, Linux before 4.8
)

// finishCall lets a thread in a seccomp stop make the call that its registers
// now ask for, up to the exit stop. Only for scripts.
func (s *Stopped) finishCall() error {
	if err := s.nextSyscallStop(); err != nil {
		return err
	}
	if s.order == orderUnknown {
		entry, errno := s.atEntry()
		switch {
		case errno != 0:
			return errGone
		case entry:
			s.loop.order = seccompFirst
		default:
			s.loop.order = entryFirst
		}
	}
	if s.order == entryFirst {
		return nil // that was the exit
	}
	return s.nextSyscallStop()
}

// nextSyscallStop lets the thread run to its next entry or exit stop and
// attends to what comes in between.
func (s *Stopped) nextSyscallStop() error {
	var signal unix.Signal
	s.loop.regsOf = 0
	for {
		if errno := request(unix.PTRACE_SYSCALL, s.tid, 0, uintptr(signal)); errno != 0 {
			return errGone
		}
		signal = 0
		switch ev := s.script.await(); ev.kind {
		case syscallStop:
			return nil
		case gone, execStop:
			return errGone
		case trapStop, groupStop:
			s.trapAgain = true
		case signalStop:
			// Scripts block what can be blocked, which leaves SIGSTOP: let the
			// process begin to stop, this thread joins when the script is done.
			signal = ev.signal
		case cloneStop:
			s.born(s.thread, ev)
		case seccompStop, anotherEvent:
			// A call made by a script is not the program's: no policy for it.
		}
	}
}

// atEntry tells whether a syscall stop is at a call's entry.
func (s *Stopped) atEntry() (bool, unix.Errno) {
	if s.hasInfo {
		if errno := syscallInfo(s.tid, &s.info); errno != unix.EIO {
			return s.info.op == infoEntry, errno
		}
		s.lacksInfo()
	}
	var regs registers
	errno := regs.get(s.tid)
	return regs.atEntry(), errno
}
