package ptrace

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A waker mends a fault of gVisor: a signal that arrives while a thread is in a
// ptrace-stop is queued, but the thread is not told (canReceiveSignalLocked in
// pkg/sentry/kernel/task_signals.go: "do not choose stopped tasks"), nor does it
// look when it leaves the stop, as a Linux thread does. The signal then waits
// for the next one to come. So every thread that has been in such a stop is
// interrupted once, a moment later, which makes it look.
type waker struct {
	bell bell
	due  atomic.Bool // some thread has stopped since the last time
	rung atomic.Bool // it is time; the bell is for a tracing thread that sleeps
	done chan struct{}
}

// wakeEvery bounds how late such a signal is, and what a busy thread pays.
const wakeEvery = 100 * time.Millisecond

// startWaker begins, on kernels that are taken for gVisor. The caller is the
// tracing thread.
func (l *loop) startWaker() {
	b, err := newBell()
	if err != nil {
		l.log.Warn().Err(err).Msg("signals to stopped threads may be late")
		return
	}
	w := &waker{bell: b, done: make(chan struct{})}
	l.waker = w
	go func() {
		tick := time.NewTicker(wakeEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if w.due.Load() {
					w.rung.Store(true)
					w.bell.ring()
				}
			case <-w.done:
				return
			}
		}
	}()
}

func (l *loop) stopWaker() {
	if l.waker != nil {
		close(l.waker.done)
	}
}

// stirred notes a stop in which a signal may have gone unnoticed. Not needed
// for signal-delivery-stops and PTRACE_EVENT_STOPs: after those gVisor looks.
func (t *thread) stirred() {
	if t.waker != nil {
		t.stir, t.last.Nr = true, -1
		t.waker.due.Store(true)
	}
}

// wake interrupts the threads that have stopped since the last time, but for
// those that may sleep in the open of a FIFO: gVisor would end that and begin it
// anew, and a reader that comes in between finds that the writer has gone, which
// is an end of file (VFSPipe.Open in pkg/sentry/kernel/pipe/vfs.go). A
// signal that came in just that stop waits for the next stop or signal.
func (l *loop) wake() {
	if l.waker == nil || !l.waker.rung.Swap(false) {
		return
	}
	l.waker.due.Store(false)
	for _, t := range l.threads {
		if !t.stir {
			continue
		}
		t.stir = false
		if t.sleeping {
			continue
		}
		if t.last.Nr < 0 || !l.policy.Waits(&t.last) {
			t.interrupt()
		}
	}
}

// lookBeforeExec makes a thread that is about to execute another program look for
// signals first. gVisor drops stop signals that are pending then ("cancel any
// racing group stops", beginning of an execve), and one that came while the thread
// was in a ptrace-stop still is: `sleep 100 & kill -STOP %1` stopped nothing.
//
// What comes during the second stop is still lost, but nobody can count on hitting
// that.
func (s *Stopped) lookBeforeExec() bool {
	t := s.thread
	if t.waker == nil || t.followed() || t.looked {
		t.looked = false
		return false
	}
	t.looked = true
	return s.lookFirst()
}

// lookBeforeFIFO is for a thread that was interrupted but came here first, with a
// call that is left to the kernel: the interruption has not been reported, may not
// be, and would end the call if that sleeps (ptraceTrapLocked in
// pkg/sentry/kernel/ptrace.go). It ends no call after that: gVisor forgets it when
// the thread returns to its program.
func (s *Stopped) lookBeforeFIFO() bool {
	t := s.thread
	if !t.unreported {
		return false
	}
	t.unreported = false
	if t.followed() || !t.policy.Waits(&t.call) {
		return false
	}
	return s.lookFirst()
}

// lookFirst takes a thread out of its call and interrupts it; then it makes the
// call again.
func (s *Stopped) lookFirst() bool {
	t := s.thread
	t.regs.again(t.regs.number()) // read by readCall
	if t.regs.set(t.tid) != 0 {
		return false // killed
	}
	t.interrupt()
	s.resume(0)
	return true
}

// interrupt makes a thread report a PTRACE_EVENT_STOP as soon as it can.
func (t *thread) interrupt() {
	t.interrupted, t.unreported = true, t.waker != nil
	request(unix.PTRACE_INTERRUPT, t.tid, 0, 0)
}
