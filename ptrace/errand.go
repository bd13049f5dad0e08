package ptrace

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// An errand asks the policy about one call on a thread of its own. Where tracees
// serve files themselves, or the pages of memory, the answer may have to wait for such
// a tracee, and that for the tracing thread, if it makes a trapped call.
//
//	tracing thread                            goroutine
//	  sendFor ─ script awaits ──────────────▶ run: asks
//	  other threads' stops                      │ looks up names, waits
//	  carryOut ◀─ answered ◀─ inbox ◀───────────┘
//
// It is the tracee that the policy sees: a way into the stopped thread's memory
// that is open to all threads of this process.
type errand struct {
	tid     int
	handler handler
	call    shim.Call
	ask     func(handler, *shim.Call) shim.Answer
	answer  shim.Answer
	refused bool        // by the kernel: only the tracing thread may do that
	over    atomic.Bool // the thread is gone, nobody waits for the answer
}

// ask is how a trapped call is asked about.
func ask(h handler, c *shim.Call) shim.Answer {
	if h.Passes(c) {
		return shim.Answer{}
	}
	return h.Handle(c)
}

// askTimed is ask where every call is to be measured.
func askTimed(h handler, c *shim.Call) shim.Answer { return h.Handle(c) }

// askFollowed is ask for a call of a followed thread.
func askFollowed(h handler, c *shim.Call) shim.Answer { return h.HandleFollowed(c) }

// sendFor sends an errand for a thread that is stopped at the entry of the call at
// hand; then carries out what it brings. If it sends none, the tracing thread has to
// ask by itself.
func (l *loop) sendFor(s *Stopped, ask func(handler, *shim.Call) shim.Answer, then func(*Stopped, *shim.Call, shim.Answer)) bool {
	t := s.thread
	if t.reader == accessUnknown {
		t.probe()
	}
	if t.reader != accessVM || !l.hasInbox() {
		return false
	}
	e := &errand{tid: t.tid, call: l.call, ask: ask}
	e.call.Tracee = e
	if n := len(l.idle); n > 0 {
		e.handler, l.idle = l.idle[n-1], l.idle[:n-1]
	} else {
		e.handler = l.policy.Handler()
	}
	go e.run(l.inbox, t)
	t.start(func(s *Stopped) {
		for {
			switch s.script.await().kind {
			case gone, execStop:
				e.over.Store(true)
				return
			case answered:
				e.settle(s.thread)
				l.call = e.call
				if s.readRegisters() == 0 { // as readCall and followedCall leave them
					then(s, &e.call, e.answer)
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
func (e *errand) run(in *inbox, t *thread) {
	e.answer = e.ask(e.handler, &e.call)
	in.put(func(l *loop) {
		l.idle = append(l.idle, e.handler)
		if e.over.Load() {
			e.drop()
		} else {
			t.proceed(event{kind: answered})
		}
	})
}

// settle makes of the answer the tracing thread's own.
func (e *errand) settle(t *thread) {
	e.call.Tracee = t
	if e.refused {
		e.drop()
		e.answer = e.ask(t.policy, &e.call)
	}
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
func (e *errand) Valid() bool { return !e.over.Load() && !executes(&e.call) }

// CanRewrite implements [shim.Tracee].
func (e *errand) CanRewrite() bool { return true }

// WantsCopy implements [shim.Tracee].
func (e *errand) WantsCopy() bool { return true }
