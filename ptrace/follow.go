package ptrace

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// follow begins to stop every call of the process of t, which is stopped now
// and will be resumed so. Its other threads are brought in: PTRACE_INTERRUPT
// stops them at the next return to user space, and a call that they sleep in
// is restarted.
func (l *loop) follow(t *thread) {
	p := t.process
	if p.follow {
		p.expecting = t.tid
		return
	}
	p.follow, p.expecting = true, t.tid
	l.followed++
	l.bringIn(p, t)
}

// unfollow ends that. The threads that run on find out at their next stop.
func (l *loop) unfollow(t *thread) {
	p := t.process
	p.follow = false
	l.followed--
	if l.detach {
		p.leaving = true
		l.bringIn(p, t)
	}
}

func (l *loop) bringIn(p *process, except *thread) {
	for _, t := range l.threads {
		if t.process == p && t != except {
			t.interrupt()
		}
	}
}

// syscall attends to an entry or exit stop of a followed process.
func (l *loop) syscall(s *Stopped) {
	t := s.thread
	if !t.process.follow {
		// The exit of a call during which the process ceased to be followed.
		t.entered = false
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
	if entry && t.process.expecting == t.tid {
		t.process.expecting = 0
	}
	if !entry {
		if t.recheck {
			t.recheck = false
			if t.process.expecting == 0 && !l.policy.Follows(t.process.tgid) {
				l.unfollow(t)
			}
		}
		if !t.fire() {
			s.resume(0)
		}
		return
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
