package ptrace

import (
	"encoding/binary"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// seccomp asks the policy about a trapped call and carries out its answer, which may
// come later.
func (l *loop) seccomp(s *Stopped) {
	start := l.timed()
	t := s.thread
	ours, errno := s.readCall()
	if errno != 0 {
		return
	}
	c := &l.call
	if !ours {
		// The tracee's own filter said RET_TRACE, with a higher or equal claim:
		// without its own tracer that is ENOSYS (seccomp(2)).
		s.skip(-int64(unix.ENOSYS))
		return
	}
	switch c.Nr {
	case unix.SYS_PTRACE:
		if !l.warned {
			l.warned = true
			l.log.Warn().Int("pid", c.TID).Msg("a program uses ptrace(2), which cannot work under the ptrace backend: a thread has one tracer")
		}
	case unix.SYS_UNSHARE:
		l.split = l.split || c.Args[0]&unix.CLONE_FILES != 0
	case unix.SYS_CLOSE_RANGE:
		l.split = l.split || c.Args[2]&unix.CLOSE_RANGE_UNSHARE != 0
	case unix.SYS_CLONE:
		if c.Args[0]&unix.CLONE_UNTRACED != 0 {
			args := c.Args
			args[0] &^= unix.CLONE_UNTRACED
			t.start(func(s *Stopped) { s.rewrite(shim.Answer{Args: args}) })
			return
		}
	case unix.SYS_CLONE3:
		if flags := t.cloneFlags(); flags&unix.CLONE_UNTRACED != 0 {
			args := c.Args
			t.start(func(s *Stopped) { s.cloneTraced(args, flags) })
			return
		}
	}
	if (c.Nr == unix.SYS_EXECVE || c.Nr == unix.SYS_EXECVEAT) && s.lookBeforeExec() {
		return
	}
	if l.policy.Serve() {
		how := ask
		if !start.IsZero() {
			how = askTimed
		}
		if l.sendFor(s, how, func(s *Stopped, c *shim.Call, a shim.Answer) { s.carryOut(c, a, start) }) {
			return
		}
	}
	if start.IsZero() && l.policy.Passes(c) {
		s.letPass()
		return
	}
	s.carryOut(c, l.policy.Handle(c), start)
}

// carryOut does what the policy has answered to the call that was asked.
func (s *Stopped) carryOut(c *shim.Call, a shim.Answer, start time.Time) {
	t := s.thread
	l := t.loop
	a.High = a.High && t.process.files.threads > 1
	if a.Follow && !a.High && a.Kind != shim.Continue {
		l.follow(t)
	}
	switch a.Kind {
	case shim.Continue:
		if a.Follow {
			l.copyHigh(s)
		} else {
			s.letPass()
		}
	case shim.Fail:
		s.skip(-int64(a.Errno))
	case shim.Return:
		s.skip(a.Value)
	case shim.Rewrite, shim.Finish, shim.Install, shim.EnterDirectory:
		// An answer of its own for the script: one that is captured lives on the
		// heap, and a call that only continues must not pay for that.
		asked, a := *c, a
		if (a.Name != nil || a.Itself || a.Kind == shim.Rewrite) && !t.Valid() {
			// Another thread has executed a program, and has the number: its stop comes.
			if a.CloseFD {
				unix.Close(a.FD)
			}
			return
		}
		t.start(func(s *Stopped) {
			if a.Follow && !a.High && s.awaitArrival() != nil {
				a.Kind = shim.Continue // nobody is there any more
			}
			switch a.Kind {
			case shim.Rewrite:
				s.rewrite(a)
			case shim.Finish:
				s.finish(&asked, a)
			case shim.Install:
				if s.install(a) {
					a.CloseFD = false
				}
			case shim.EnterDirectory:
				s.enterDirectory(a)
			}
			if a.Follow {
				t.expectNoMore()
				t.arrived()
			}
			if a.CloseFD {
				unix.Close(a.FD)
			}
			if !start.IsZero() {
				l.policy.Answered(&asked, a, start)
			}
		})
		return
	}
	if a.CloseFD {
		unix.Close(a.FD)
	}
	if !start.IsZero() {
		l.policy.Answered(c, a, start)
	}
}

// letPass has the kernel do the call. What the shim has read may change before the
// kernel reads it again. What it does then it does with the program's own rights, which
// only deprives itself of a lie.
func (s *Stopped) letPass() {
	if s.lookBeforeFIFO() {
		return
	}
	if s.waker != nil {
		s.last = s.call
	}
	s.entered = s.loop.order == entryFirst
	s.resume(0)
}

// readCall fills in l.call, in one request, and tells whether it was our filter
// that stopped it.
func (s *Stopped) readCall() (ours bool, errno unix.Errno) {
	l, c := s.loop, &s.loop.call
	l.regsOf = 0 // whoever had this number before
	c.TID, c.TGID, c.Tracee, c.Place = s.tid, s.process.tgid, s.thread, &s.place
	if l.hasInfo {
		if errno = syscallInfo(s.tid, &l.info); errno == 0 {
			c.Nr, c.Args = int(l.info.nr), l.info.args
			return l.info.data == FilterData && l.info.arch == auditArch, 0
		}
		if errno != unix.EIO {
			return false, errno
		}
		l.lacksInfo()
	}
	if errno = s.readRegisters(); errno != 0 {
		return false, errno
	}
	c.Nr, c.Args = l.regs.number(), l.regs.args()
	if l.traps[c.Nr] {
		// A tracee's filter that traces the same call would go unnoticed here.
		// It could have no tracer, so nobody writes one; and asking would cost
		// one more request on every stop.
		return true, 0
	}
	var data uint64
	errno = eventMessage(s.tid, &data)
	return data == FilterData, errno
}

// readRegisters has the thread's registers in l.regs, where readCall may have left them.
func (t *thread) readRegisters() unix.Errno {
	l := t.loop
	if l.regsOf == t.tid {
		return 0
	}
	l.regsOf = 0
	errno := l.regs.get(t.tid)
	if errno == 0 {
		l.regsOf = t.tid
	}
	return errno
}

// skip makes the call return result without being made.
func (s *Stopped) skip(result int64) {
	l := s.loop
	if s.readRegisters() != 0 {
		return
	}
	l.regs.setNumber(-1)
	l.regs.setResult(result)
	if l.regs.set(s.tid) != 0 {
		return
	}
	s.entered = true
	s.resume(0)
}

// rewrite makes the call with other arguments, or another call altogether.
func (s *Stopped) rewrite(a shim.Answer) {
	var saved registers
	if saved.get(s.tid) != 0 {
		return
	}
	regs := saved
	regs.setArgs(&a.Args)
	if a.Nr != 0 {
		regs.setNumber(a.Nr)
	}
	finish := s.finishCall
	if s.entered {
		finish = s.nextSyscallStop // followed: at the entry stop itself, with no filter ahead
	}
	result, err := s.makeCallThrough(&regs, finish)
	if err != nil {
		return
	}
	if a.Override && result >= 0 {
		result = a.Value
	}
	s.leave(&saved, result)
}

// cloneTraced makes a clone3 without CLONE_UNTRACED, which stands first in the
// structure that args[0] points to, and puts it back for the caller.
func (s *Stopped) cloneTraced(args [6]uint64, flags uint64) {
	var b [8]byte
	binary.NativeEndian.PutUint64(b[:], flags&^unix.CLONE_UNTRACED)
	if s.WriteMemory(args[0], b[:]) != nil {
		s.resume(0) // in read-only memory: the child goes its way untraced
		return
	}
	var saved registers
	if saved.get(s.tid) != 0 {
		return
	}
	regs := saved
	if result, err := s.makeCall(&regs); err == nil {
		binary.NativeEndian.PutUint64(b[:], flags)
		_ = s.WriteMemory(args[0], b[:]) // its own stack: it was writable a moment ago
		s.leave(&saved, result)
	}
}

// finish makes the calls that the policy wants made, one after the other, until
// it has an answer.
func (s *Stopped) finish(c *shim.Call, a shim.Answer) {
	in, err := s.inject()
	if err != nil {
		return
	}
	if a.Name != nil {
		in.openNamed(a)
		return
	}
	for a.Kind == shim.Finish {
		if a.Data != nil {
			if err := in.write(a.DataAt, a.Data); errors.Is(err, errGone) {
				return
			} else if err != nil {
				in.end(-int64(unix.EFAULT))
				return
			}
		}
		result, err := in.call(a.Nr, a.Args[:]...)
		if err != nil {
			return
		}
		if restarts(result) {
			in.end(result) // the program's own call is made anew, and trapped anew
			return
		}
		a = s.loop.policy.Finish(c, result)
	}
	if a.Kind == shim.Fail {
		in.end(-int64(a.Errno))
		return
	}
	in.end(a.Value)
}

// makeCall makes the call that regs ask for in place of the one that the
// thread is stopped in, and gives its result at its exit stop.
func (s *Stopped) makeCall(regs *registers) (int64, error) {
	return s.makeCallThrough(regs, s.finishCall)
}

func (s *Stopped) makeCallThrough(regs *registers, finish func() error) (int64, error) {
	if regs.set(s.tid) != 0 {
		return 0, errGone
	}
	if err := finish(); err != nil {
		return 0, err
	}
	if regs.get(s.tid) != 0 {
		return 0, errGone
	}
	return regs.result(), nil
}

// leave ends a script at an exit stop: the thread goes on with the registers
// that it had and the result. The kernel preserves argument registers and
// programs rely on it. If the result says that the call is to be restarted
// (ERESTARTSYS and its kin), the kernel takes number and arguments from here,
// so the program's own call is made anew, and trapped anew.
func (s *Stopped) leave(saved *registers, result int64) {
	saved.setResult(result)
	if saved.set(s.tid) != 0 {
		return
	}
	s.entered = false
	s.resume(0)
}
