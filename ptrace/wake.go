package ptrace

import (
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A waker mends two faults of gVisor. The first: a signal that arrives while a thread
// is in a ptrace-stop is queued, but the thread is not told (canReceiveSignalLocked in
// pkg/sentry/kernel/task_signals.go: "do not choose stopped tasks"), nor does it
// look when it leaves the stop, as a Linux thread does. The signal then waits
// for the next one to come. So every thread that has been in such a stop is
// interrupted once, a moment later, which makes it look.
//
// The second: with systrap, on a busy machine, an interruption can be lost between the
// sentry and the thread that runs a task, which then stands still for ever, but for
// another interruption (google/gvisor, issue 14405). So one that nothing has come of
// is made again.
type waker struct {
	bell bell
	// round counts the times that threads were looked after.
	round uint32
	due   atomic.Bool // some thread has stopped since the last time
	rung  atomic.Bool // it is time; the bell is for a tracing thread that sleeps
	done  chan struct{}
}

// wakeEvery bounds how late such a signal is, and what a busy thread pays.
const wakeEvery = 100 * time.Millisecond

// lostAfter is how many rounds later an interruption is taken for lost, and mostAgain
// how often it is made once more: nothing comes of it either while a thread waits where
// it cannot be interrupted.
const lostAfter, mostAgain = 10, 5

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
	w := l.waker
	w.due.Store(false)
	w.round++
	for _, t := range l.threads {
		outstanding := t.interrupted && t.again < mostAgain
		if !t.stir && !outstanding {
			continue
		}
		stirred := t.stir
		t.stir = false
		if t.sleeping || t.last.Nr >= 0 && l.policy.Waits(&t.last) {
			continue
		}
		switch again := t.again + 1; {
		case stirred:
			t.interrupt()
		case w.round-t.asked >= lostAfter:
			t.interrupt()
			t.again = again
		}
		w.due.Store(true) // to see what comes of it
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
	t.interrupted, t.unreported, t.again = true, t.waker != nil, 0
	if t.waker != nil {
		t.asked = t.waker.round
	}
	request(unix.PTRACE_INTERRUPT, t.tid, 0, 0)
}
