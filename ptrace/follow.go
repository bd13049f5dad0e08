package ptrace

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// follow begins to stop every call of those who have the descriptor table of t,
// which is held in a call and will be given a descriptor for its answer.
func (l *loop) follow(t *thread) {
	t.expect()
	if f := t.process.files; !f.follow {
		f.follow = true
		l.followed++
		l.bringIn(f, t)
	}
}

// unfollow ends that. The threads that run on find out at their next stop.
func (l *loop) unfollow(t *thread) {
	f := t.process.files
	f.follow = false
	l.followed--
	if l.detach {
		l.bringIn(f, t)
	}
}

// bringIn has threads find out whether they are followed: PTRACE_INTERRUPT
// stops them at the next return to user space, and a call that they sleep in
// is restarted.
func (l *loop) bringIn(f *files, except *thread) {
	for _, t := range l.threads {
		if t.process.files == f && t != except {
			t.interrupt()
			if f.follow {
				t.stray()
			}
		}
	}
}

// syscall attends to an entry or exit stop of a followed process.
func (l *loop) syscall(s *Stopped) {
	t := s.thread
	if !t.followed() {
		// The last one of a process that has ceased to be followed: a call's exit, or
		// the entry of the next one, which an interruption ends early all the same.
		t.entered, t.copying = false, false
		if t.interrupted {
			if entry, errno := s.atEntry(); errno != 0 {
				return
			} else if entry {
				t.interrupt()
				s.resume(0)
				return
			}
		}
		s.comeOut()
		return
	}
	entry, errno := t.followedCall()
	if errno != 0 {
		return
	}
	if t.entered = entry; entry {
		l.entry(s)
	} else {
		l.exit(s)
	}
}

// entry attends to the entry of a followed thread's call.
func (l *loop) entry(s *Stopped) {
	t := s.thread
	if t.sends(&l.call) {
		l.policy.PassesOn(t.tid)
	}
	switch l.policy.Interest(l.call.Nr) {
	case shim.Inspect:
		l.inspect(s)
		return
	case shim.Recheck:
		// Most threads close other files, and to look through all descriptors takes long.
		t.recheck = l.policy.Serve() || l.policy.Drops(&l.call)
	}
	if t.copying = copies(&l.call); t.copying && arrives(&l.call) && t.process.files.threads > 1 {
		t.start((*Stopped).copyDescriptor)
		return
	}
	if t.waker != nil {
		t.last = l.call
	}
	s.resume(0)
}

// exit attends to its end.
func (l *loop) exit(s *Stopped) {
	t := s.thread
	t.copying = false
	if t.recheck {
		t.recheck = false
		if !l.hold(t.process.files, t) {
			l.unfollow(t)
		}
	}
	s.comeOut()
}

// comeOut lets a thread go on from the exit stop of a call, which takes the place of
// the stop that an interruption leads to (ptrace_stop in kernel/signal.c): what there
// is to do at that one is done here, for none comes.
func (s *Stopped) comeOut() {
	if t := s.thread; t.interrupted && s.mendInterrupted() || t.fire() {
		return
	}
	s.resume(0)
}

// inspect asks about a call that writes.
func (l *loop) inspect(s *Stopped) {
	t := s.thread
	if f := t.process.files; f.arriving != nil {
		c := l.call
		l.lineUp(f, func() {
			if l.threads[t.tid] == t && t.readRegisters() == 0 { // else killed meanwhile
				l.call = c // and the registers as followedCall leaves them
				l.inspect(&Stopped{t})
			}
		})
		return
	}
	if l.policy.Serve() && l.sendFor(s, askFollowed, func(s *Stopped, _ *shim.Call, a shim.Answer) {
		if s.process.files.arriving != nil {
			l.inspect(s) // what was looked at may be another's by now
		} else {
			s.carryOutFollowed(a)
		}
	}) {
		return
	}
	s.carryOutFollowed(l.policy.HandleFollowed(&l.call))
}

// carryOutFollowed does what the policy has answered to a call that writes.
func (s *Stopped) carryOutFollowed(a shim.Answer) {
	t := s.thread
	switch a.Kind {
	case shim.Fail:
		s.skip(-int64(a.Errno))
	case shim.Return:
		s.skip(a.Value)
	case shim.Rewrite:
		t.start(func(s *Stopped) { s.rewrite(a) })
	default:
		t.stray()
		s.resume(0)
	}
}

// copyDescriptor lets a thread make a copy of a descriptor, when nobody is about to
// write to what has the copy's number now.
func (s *Stopped) copyDescriptor() {
	t := s.thread
	if s.awaitArrival() != nil || s.nextSyscallStop() != nil {
		return
	}
	t.entered = false
	t.arrived()
	s.loop.exit(s)
}

// copyHigh lets a thread make the copy that it asks for in a seccomp stop, of a
// descriptor that nobody is followed for: from now on its process is.
func (l *loop) copyHigh(s *Stopped) {
	t := s.thread
	l.follow(t)
	t.start(func(s *Stopped) {
		if s.awaitArrival() != nil || s.finishCall() != nil {
			return
		}
		t.entered = false
		t.expectNoMore()
		t.arrived()
		l.exit(s)
	})
}

// copies tells whether a call may make a copy of a descriptor that there is already,
// or of all of them.
func copies(c *shim.Call) bool {
	switch c.Nr {
	case unix.SYS_DUP, unix.SYS_DUP3, unix.SYS_RECVMSG, unix.SYS_RECVMMSG, unix.SYS_PIDFD_GETFD,
		unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_UNSHARE:
		return true
	case unix.SYS_FCNTL:
		return c.Args[1] == unix.F_DUPFD || c.Args[1] == unix.F_DUPFD_CLOEXEC
	}
	return c.Nr == sysDup2 || forks(c.Nr)
}

// arrives tells of a call that copies whether it does so at once. Receiving may sleep
// first, and who makes a process waits for no write.
func arrives(c *shim.Call) bool {
	switch c.Nr {
	case unix.SYS_RECVMSG, unix.SYS_RECVMMSG, unix.SYS_CLONE, unix.SYS_CLONE3, unix.SYS_UNSHARE:
		return false
	}
	return !forks(c.Nr)
}

// sends tells whether a call may hand descriptors to whoever receives them, maybe a
// process that is not followed.
func (t *thread) sends(c *shim.Call) bool {
	switch c.Nr {
	case unix.SYS_SENDMMSG:
		return true
	case unix.SYS_SENDMSG:
		const controlLength = 40 // offsetof(struct msghdr, msg_controllen)
		var length [8]byte
		n, err := t.ReadMemory(c.Args[1]+controlLength, length[:])
		return err == nil && n == len(length) && length != [8]byte{}
	}
	return false
}

// fire starts what the thread was armed with, at the exit of the call that it was
// armed in.
func (t *thread) fire() bool {
	f := t.armed
	if f == nil {
		return false
	}
	t.armed = nil
	t.start(f)
	return true
}

// disarm tells what the thread was armed with that it will not run.
func (t *thread) disarm() {
	if f := t.armed; f != nil {
		t.armed = nil
		f(&Stopped{})
	}
}

// followedCall tells whether the thread is at a call's entry, and fills in
// l.call if so.
func (t *thread) followedCall() (entry bool, errno unix.Errno) {
	l, c := t.loop, &t.loop.call
	c.TID, c.TGID, c.Tracee, c.Place = t.tid, t.process.tgid, t, &t.place
	if l.hasInfo {
		if errno = syscallInfo(t.tid, &l.info); errno == 0 {
			c.Nr, c.Args = int(l.info.nr), l.info.args
			if l.info.arch != auditArch {
				// Another architecture's number: nothing that we know.
				c.Nr = -1
			}
			return l.info.op == infoEntry, 0
		}
		if errno != unix.EIO {
			return false, errno
		}
		l.lacksInfo()
	}
	if t.entered {
		return false, 0
	}
	l.regsOf = 0
	if errno = t.readRegisters(); errno != 0 {
		return false, errno
	}
	c.Nr, c.Args = l.regs.number(), l.regs.args()
	return l.regs.atEntry(), 0
}
