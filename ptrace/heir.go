package ptrace

import (
	"runtime"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// Where the processor time of a process is limited, the tracing thread has a
// process of its own, and when half of that one's time is used up another begins:
// the heir. Each tracee is handed over when it next makes a trapped call:
//
//	stopped in the call ─ signals blocked, ppoll(2) in its place ─▶ PTRACE_DETACH
//	asleep, traced by nobody ──────── PTRACE_SEIZE by the heir, PTRACE_INTERRUPT
//	stopped ─ registers and signals put back ─▶ makes its call, stopped by the heir
//
// What makes no trapped calls costs no time, and stays. So do processes with
// several threads: what the loop knows of a process, one loop has to know.

// inheritance is a tracee on its way.
type inheritance struct {
	tid  int
	regs registers // at the call
	mask uint64
}

// An heir takes over what another loop hands over.
type heir struct {
	inbox *inbox
	// closed when there is nobody left who hands anything over
	last chan struct{}
}

// lineage is what the loops of one tracer have in common.
type lineage struct {
	// apart runs a loop in a process of its own, see [Tracer.Apart].
	apart func(loop func(spent func() bool) (done bool))
	shim  *shim.Shim
	all   sync.WaitGroup
}

// bequeath begins an heir if this loop's time is used up.
func (l *loop) bequeath() {
	if l.heir != nil || l.spent == nil || !l.spent() {
		return
	}
	ready := make(chan *heir)
	l.lineage.all.Add(1)
	go func() {
		defer l.lineage.all.Done()
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		l.lineage.apart(func(spent func() bool) bool {
			l.takeOver(spent, ready)
			return true
		})
	}()
	if l.heir = <-ready; l.heir == nil {
		l.spent = nil
	}
}

// takeOver is the heir's loop.
func (l *loop) takeOver(spent func() bool, ready chan<- *heir) {
	in, err := newInbox()
	if err != nil {
		l.log.Warn().Err(err).Msg("the tracer cannot be replaced when its processor time is used up")
		ready <- nil
		return
	}
	next := newLoop(newPolicy(l.lineage.shim), l.log) // with a worker of its own
	next.inbox, next.hasInfo, next.order, next.split = in, l.hasInfo, l.order, l.split
	next.lineage, next.spent = l.lineage, spent
	h := &heir{in, make(chan struct{})}
	ready <- h
	for {
		next.run()
		// No tracee is left, or none has come yet.
		select {
		case w := <-in.work:
			close(w.taken)
			w.run(next)
		case <-h.last:
			if len(in.work) == 0 {
				next.close()
				return
			}
		}
	}
}

// handOver gives a thread that is stopped in a trapped call to the heir. Where it
// says no, the thread is still ours.
func (l *loop) handOver(s *Stopped) bool {
	t := s.thread
	p := t.process
	if l.heir == nil || t.followed() || t.leaving() || t.expecting || t.armed != nil {
		return false
	}
	if p.files.threads > 1 || t.tid != p.tgid {
		if !l.kept {
			l.kept = true
			l.log.Warn().Int("process", p.tgid).Msg("half of the tracer's processor time is used up (ulimit -t), and a process with threads keeps it: " +
				"the command ends when all is; --backend seccomp has no such limit")
		}
		return false
	}
	i := inheritance{tid: t.tid}
	all := ^uint64(0)
	if i.regs.get(t.tid) != 0 || signalMask(t.tid, &i.mask) != 0 || setSignalMask(t.tid, &all) != 0 {
		return false // killed
	}
	asleep := i.regs
	asleep.setNumber(unix.SYS_PPOLL)
	asleep.setArgs(&[6]uint64{}) // of no descriptor, for ever, with the mask as it is
	if asleep.set(t.tid) != 0 || request(unix.PTRACE_DETACH, t.tid, 0, 0) != 0 {
		return true // killed, which wait4 will report
	}
	s.thread = nil
	l.remove(t)
	l.heir.inbox.put(func(next *loop) { next.seizeAsleep(i) })
	return true
}

// seizeAsleep takes a thread in that was handed over.
func (l *loop) seizeAsleep(i inheritance) {
	switch request(unix.PTRACE_SEIZE, i.tid, 0, traceOptions) {
	case 0:
		l.add(i.tid, i.tid).inherited = &i
		request(unix.PTRACE_INTERRUPT, i.tid, 0, 0)
	case unix.ESRCH:
		l.policy.Ended(i.tid, 0)
	default:
		_ = unix.Kill(i.tid, unix.SIGKILL) // as if its tracer had ended
	}
}

// takeUp puts a thread that was handed over back to where it was.
func (t *thread) takeUp() {
	i := t.inherited
	t.inherited = nil
	i.regs.again(i.regs.number())
	if i.regs.set(t.tid) == 0 {
		setSignalMask(t.tid, &i.mask)
	}
}
