package ptrace

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// A Follower is a tracer for the moments that user notification cannot see: it
// takes processes that are served by another backend, watches or leads them for a few
// calls, and lets them go. Only on kernels that have user notification, where
// ptrace has no gaps.
//
// All its requests are made on one OS thread of its own, which sleeps while
// there is nobody to follow.
type Follower struct {
	policy policy
	log    zerolog.Logger
	once   sync.Once
	err    error // why there is no thread
	inbox  *inbox
	led    sync.Map // the threads that make calls of ours now
}

// NewFollower makes a follower that asks sh about the calls it sees.
func NewFollower(sh *shim.Shim, log zerolog.Logger) *Follower {
	return newFollower(newPolicy(sh), log)
}

func newFollower(p policy, log zerolog.Logger) *Follower {
	return &Follower{policy: p, log: log}
}

// followOptions are those of a tracer that lets its tracees live without it.
const followOptions = unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD

// Follow has every call of the process of thread tid stopped from its next one
// on, until it holds no writable served descriptor any more. It returns when the
// thread, which waits in a call of its own, may be given one. EPERM: another
// tracer has it. A process that was made before, by clone(2) with CLONE_FILES and
// without CLONE_THREAD, has the same descriptors and is not found.
func (f *Follower) Follow(tid int) error {
	may := make(chan error, 1)
	err := f.do(func(l *loop) error {
		tgid, err := tgidOf(tid)
		if err != nil {
			return err
		}
		if t := l.threads[tid]; t == nil || !t.followed() || t.process.partial {
			// Some of its threads may still be on their way out of an earlier
			// following, and some are gone from it.
			if err := l.seizeProcess(tgid); err != nil {
				return err
			}
		}
		t := l.threads[tid]
		if t == nil {
			return fmt.Errorf("thread %d: %w", tid, unix.ESRCH)
		}
		l.follow(t)
		t.found() // held in its call
		l.arriveInAll(t, func(err error) { may <- err })
		return nil
	})
	if err == nil {
		err = <-may
	}
	return err
}

// FollowOn follows a process again that an earlier supervisor has followed, wherever its
// threads are. It returns at once: what they call before they are stopped is not seen.
func (f *Follower) FollowOn(tgid int) error {
	return f.do(func(l *loop) error {
		if err := l.seizeProcess(tgid); err != nil {
			return err
		}
		t := l.threads[tgid]
		if t == nil {
			return fmt.Errorf("process %d: %w", tgid, unix.ESRCH)
		}
		if files := t.process.files; !files.follow {
			files.follow = true
			l.followed++
			l.bringIn(files, nil)
		}
		return nil
	})
}

// arriveInAll is arrive, when also those threads are known that were being made while
// the others were seized: nobody traces them by birth, and nothing shows them before
// their maker has been heard of.
func (l *loop) arriveInAll(t *thread, then func(error)) {
	l.arrive(t, func() {
		p := t.process
		if !p.partial || l.threads[t.tid] != t {
			then(nil)
			return
		}
		known := p.threads
		err := l.seizeProcess(p.tgid)
		if err == nil && p.threads > known {
			l.arriveInAll(t, then)
			return
		}
		p.partial = err != nil
		then(err)
	})
}

// Open makes thread tid, which waits in a call of its own, open the object behind
// our descriptor fd, an O_PATH one, once that call has been answered; with O_PATH among
// the flags it has the same descriptor. The caller answers the call after Open.
func (f *Follower) Open(tid int, waits func() bool, fd, flags int) error {
	return f.leadWith(tid, waits, fd, func(in *injection, ours int) (int64, error) { return in.openByItself(ours, flags) })
}

// Enter makes thread tid, which waits in a call of its own, enter the directory behind our
// descriptor fd, once that call has been answered. The caller answers it after Enter, and
// with 0.
func (f *Follower) Enter(tid int, waits func() bool, fd int) error {
	return f.leadWith(tid, waits, fd, (*injection).receiveDirectory)
}

// leadWith leads a thread with a copy of our descriptor fd; it sees the result.
func (f *Follower) leadWith(tid int, waits func() bool, fd int, script func(in *injection, ours int) (int64, error)) error {
	ours, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = f.lead(tid, waits, func(in *injection) {
		defer unix.Close(ours)
		if in == nil {
			return
		}
		if result, err := script(in, ours); err == nil {
			in.end(result)
		}
	})
	if err != nil {
		unix.Close(ours)
	}
	return err
}

// OpenNamed makes thread tid, which waits in a call of its own, make the call of a, a
// Finish with a name, once that has been answered. The caller answers it after OpenNamed.
func (f *Follower) OpenNamed(tid int, waits func() bool, a shim.Answer) error {
	return f.lead(tid, waits, func(in *injection) {
		if in != nil {
			in.openNamed(a)
		}
	})
}

// Leads tells whether the calls that thread tid makes now are those that it is led to make.
func (f *Follower) Leads(tid int) bool {
	_, ok := f.led.Load(tid)
	return ok
}

// lead arms a thread that waits in a call: when it comes out of that call it
// makes the calls of script, unseen by the program. If it is killed first, or a signal
// takes it out of its call so that it makes that anew, script gets nil. If it does not wait
// any more once it is traced, it may be another one, with other rights, and is let go:
// ESRCH.
//
// It is interrupted last: where its filter was loaded without WAIT_KILLABLE_RECV that
// wakes it, and it waits no more.
func (f *Follower) lead(tid int, waits func() bool, script func(*injection)) error {
	return f.do(func(l *loop) error {
		t := l.threads[tid]
		if t == nil {
			tgid, err := tgidOf(tid)
			if err != nil {
				return err
			}
			if t, err = l.seize(tid, tgid); err != nil {
				return err
			}
		}
		if !waits() {
			t.interrupt() // at that stop it is let go
			return fmt.Errorf("thread %d: %w", tid, unix.ESRCH)
		}
		t.armed = func(s *Stopped) {
			if s.thread != nil {
				if in, err := s.inject(); err == nil {
					in.away = true // the call is over
					in.ending = func() { f.led.Delete(tid) }
					f.led.Store(tid, nil)
					script(in)
					if in.ending != nil { // the thread was killed
						in.ending()
					}
					return
				}
			}
			script(nil)
		}
		t.interrupt()
		return nil
	})
}

// seizeProcess takes all threads of a process, those too that are made meanwhile.
func (l *loop) seizeProcess(tgid int) error {
	for {
		if all, err := l.seizeListed(tgid); all || err != nil {
			return err
		}
	}
}

// seizeListed takes the threads that a listing has. all tells that there are no others:
// a listing ends early or leaves some out where a thread ends meanwhile (next_tid and
// first_tid in fs/proc/base.c), but those that are traced stay until they are waited for.
// So one that has none but these, and as many as the process has threads, is whole.
func (l *loop) seizeListed(tgid int) (all bool, err error) {
	dir := "/proc/" + strconv.Itoa(tgid) + "/task"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	all = true
	for _, e := range entries {
		tid, err := strconv.Atoi(e.Name())
		if err != nil || l.threads[tid] != nil {
			continue
		}
		ended := false
		switch err := l.seizeThread(tid, tgid); {
		case err == nil:
		case isTracedByUs(tid): // from birth, of which nothing has been heard yet
			l.adopt(tid)
		case hasEnded(tid):
			ended = true
		default:
			return false, err
		}
		// A leader that has ended stays as long as the others.
		all = all && ended && tid == tgid
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return false, os.NewSyscallError("stat "+dir, err)
	}
	const own = 2 // links: a directory's own, and one for each thread
	return all && int(st.Nlink) == own+len(entries), nil
}

func (l *loop) seizeThread(tid, tgid int) error {
	t, err := l.seize(tid, tgid)
	if err == nil {
		t.interrupt()
	}
	return err
}

// seize takes a thread, which goes on.
func (l *loop) seize(tid, tgid int) (*thread, error) {
	if errno := request(unix.PTRACE_SEIZE, tid, 0, followOptions); errno != 0 {
		return nil, fmt.Errorf("thread %d: %w", tid, os.NewSyscallError("ptrace(PTRACE_SEIZE)", errno))
	}
	known := l.processes[tgid] != nil
	t := l.add(tid, tgid)
	t.process.partial = t.process.partial || !known
	if t.followed() {
		t.stray()
	}
	return t, nil
}

// do runs a request on the tracing thread.
func (f *Follower) do(request func(*loop) error) error {
	f.once.Do(func() {
		ready := make(chan error)
		go f.run(ready)
		f.err = <-ready
	})
	if f.err != nil {
		return f.err
	}
	done := make(chan error, 1)
	f.inbox.put(func(l *loop) { done <- request(l) })
	return <-done
}

// run is the tracing thread.
func (f *Follower) run(ready chan<- error) {
	runtime.LockOSThread() // for good: tracees belong to this thread
	if hasChildren() {
		other := make(chan error)
		go f.run(other)
		err := <-other // which is locked to another thread
		runtime.UnlockOSThread()
		ready <- err
		return
	}
	in, err := newInbox()
	if err == nil {
		err = muteSIGCHLD()
	}
	f.inbox = in
	ready <- err
	if err != nil {
		return
	}
	l := newLoop(f.policy, f.log)
	// What its tracees did before they were, nobody has seen.
	l.detach, l.split = true, true
	l.inbox = in
	var status unix.WaitStatus
	for {
		// This process may have children, which are for others to wait for:
		// they belong to the threads that made them, and this one made none.
		switch tid, errno := wait(-1, &status, unix.WALL|unix.WNOTHREAD); errno {
		case 0:
			l.dispatch(tid, status)
			in.serve(l)
		case unix.EINTR: // the bell
			in.serve(l)
		default:
			// ECHILD: there is no tracee, not even one that came with a fork and
			// has not been heard of yet. So there is time to sleep.
			for _, t := range l.threads {
				l.end(t)
			}
			in.serveNext(l)
		}
	}
}

// hasChildren tells whether the calling thread has made processes that are still there,
// for whatever goroutine it ran then.
func hasChildren() bool {
	const look = unix.WEXITED | unix.WSTOPPED | unix.WCONTINUED | unix.WNOHANG | unix.WNOWAIT | unix.WALL | unix.WNOTHREAD
	return unix.Waitid(unix.P_ALL, 0, nil, look, nil) != unix.ECHILD
}
