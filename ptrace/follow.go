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
		// The exit of a call during which the process ceased to be followed.
		t.entered, t.copying = false, false
		if !t.fire() {
			s.resume(0)
		}
		return
	}
	entry, errno := t.followedCall()
	if errno != 0 {
		return
	}
	t.entered = entry
	if !entry {
		t.copying = false
		if t.recheck {
			t.recheck = false
			if !l.hold(t.process.files, t) {
				l.unfollow(t)
			}
		}
		if !t.fire() {
			s.resume(0)
		}
		return
	}
	t.expectNoMore()
	t.copying = copies(&l.call)
	if t.sends(&l.call) {
		l.policy.PassesOn(t.tid)
	}
	switch l.policy.Interest(l.call.Nr) {
	case shim.Inspect:
		switch a := l.policy.HandleFollowed(&l.call); a.Kind {
		case shim.Fail:
			s.skip(-int64(a.Errno))
			return
		case shim.Return:
			s.skip(a.Value)
			return
		case shim.Rewrite:
			t.start(func(s *Stopped) { s.rewrite(a) })
			return
		}
	case shim.Recheck:
		t.recheck = true
	}
	s.resume(0)
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
	return copiesLegacy(c.Nr)
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

// fire starts what the thread was armed with, at the exit of the call that it
// was armed in: any stop takes the place of the one that PTRACE_INTERRUPT asks
// for (ptrace_stop in kernel/signal.c), so that none would come.
func (t *thread) fire() bool {
	f := t.armed
	if f == nil {
		return false
	}
	t.armed, t.interrupted, t.unreported = nil, false, false
	t.start(f)
	return true
}

// followedCall tells whether the thread is at a call's entry, and fills in
// l.call if so.
func (t *thread) followedCall() (entry bool, errno unix.Errno) {
	l, c := t.loop, &t.loop.call
	c.TID, c.Tracee = t.tid, t
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
	if errno = l.regs.get(t.tid); errno != 0 {
		return false, errno
	}
	c.Nr, c.Args = l.regs.number(), l.regs.args()
	return l.regs.atEntry(), 0
}
