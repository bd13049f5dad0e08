package ptrace

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// An errand asks the policy about one call on a thread of its own. Where tracees
// serve files themselves, or the pages of memory, the answer may have to wait for such
// a tracee, and that for the tracing thread, if it makes a trapped call.
//
//	tracing thread                            goroutine
//	  sendFor ─ script awaits ──────────────▶ run: Passes, Handle
//	  other threads' stops                      │ looks up names, waits
//	  carryOut ◀─ answered ◀─ inbox ◀───────────┘
//
// It is the tracee that the policy sees: a way into the stopped thread's memory
// that is open to all threads of this process.
type errand struct {
	tid     int
	handler handler
	call    shim.Call
	answer  shim.Answer
	refused bool        // by the kernel: only the tracing thread may do that
	over    atomic.Bool // the thread is gone, nobody waits for the answer
}

// sendFor sends an errand for a thread that is in a seccomp stop. If it does not, the
// tracing thread has to ask by itself.
func (l *loop) sendFor(s *Stopped, start time.Time) bool {
	t := s.thread
	if t.reader == accessUnknown {
		t.probe()
	}
	if t.reader != accessVM || !l.hasInbox() {
		return false
	}
	e := &errand{tid: t.tid, call: l.call}
	e.call.Tracee = e
	if n := len(l.idle); n > 0 {
		e.handler, l.idle = l.idle[n-1], l.idle[:n-1]
	} else {
		e.handler = l.policy.Handler()
	}
	go e.run(l.inbox, t, !start.IsZero())
	t.start(func(s *Stopped) {
		for {
			switch s.script.await().kind {
			case gone, execStop:
				e.over.Store(true)
				return
			case answered:
				e.call.Tracee = s.thread
				if e.refused {
					e.drop()
					e.answer = l.policy.Handle(&e.call)
				}
				l.call = e.call
				if l.regs.get(s.tid) == 0 { // as readCall leaves them
					s.carryOut(&e.call, e.answer, start)
				} else {
					e.drop()
				}
				return
			}
		}
	})
	return true
}

// hasInbox makes the loop's inbox at the first errand.
func (l *loop) hasInbox() bool {
	if l.inbox == nil {
		in, err := newInbox()
		if err != nil {
			return false
		}
		l.inbox = in
	}
	return true
}

// run asks, and has the answer carried out.
func (e *errand) run(in *inbox, t *thread, timed bool) {
	if timed || !e.handler.Passes(&e.call) {
		e.answer = e.handler.Handle(&e.call)
	}
	in.put(func(l *loop) {
		l.idle = append(l.idle, e.handler)
		if e.over.Load() {
			e.drop()
		} else {
			t.proceed(event{kind: answered})
		}
	})
}

// drop gives back what an answer holds that is not carried out.
func (e *errand) drop() {
	if e.answer.CloseFD {
		unix.Close(e.answer.FD)
	}
	e.answer = shim.Answer{}
}

// ReadMemory implements [shim.Tracee].
func (e *errand) ReadMemory(addr uint64, buf []byte) (int, error) {
	if len(buf) == 0 {
		return 0, nil
	}
	n, errno := vmCopyWaiting(unix.SYS_PROCESS_VM_READV, e.tid, addr, buf)
	if errno != 0 || n == 0 {
		e.refused = e.refused || forbidden(errno)
		return 0, unix.EFAULT
	}
	return n, nil
}

// WriteMemory implements [shim.Tracee].
func (e *errand) WriteMemory(addr uint64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if e.over.Load() {
		return unix.EFAULT // its number may be another's
	}
	n, errno := vmCopyWaiting(unix.SYS_PROCESS_VM_WRITEV, e.tid, addr, data)
	if errno != 0 || n < len(data) {
		e.refused = e.refused || forbidden(errno)
		return unix.EFAULT
	}
	return nil
}

// Valid implements [shim.Tracee].
func (e *errand) Valid() bool { return !e.over.Load() }

// CanRewrite implements [shim.Tracee].
func (e *errand) CanRewrite() bool { return true }
