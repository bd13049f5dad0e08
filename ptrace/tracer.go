package ptrace

import (
	"fmt"
	"os"
	"runtime"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/pace"
	"github.com/shimrun/shimrun/shim"
)

// A Tracer serves a shim to one process and all that it starts. The process is
// no child of ours: it becomes the command by execve, and nobody who waits for
// it or signals it finds anybody in between.
type Tracer struct {
	// Apart, where not nil, calls a loop, on this thread, until it is done, and
	// tells it when its time is used up: then another is begun.
	Apart func(loop func(spent func() bool) (done bool))
	loop  *loop
	shim  *shim.Shim
}

// New makes a tracer that asks sh.
func New(sh *shim.Shim, log zerolog.Logger) *Tracer {
	return &Tracer{loop: newLoop(newPolicy(sh), log), shim: sh}
}

// traceOptions make all events that concern who is traced and what is trapped.
// EXITKILL: without us every trapped call would fail with ENOSYS.
const traceOptions = unix.PTRACE_O_TRACESECCOMP |
	unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEFORK | unix.PTRACE_O_TRACEVFORK |
	unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

// Run seizes the main thread of process pid, tells seized how that went, and
// serves until the last tracee has ended. It returns the error of seizing;
// after that there is none.
//
// The process may be multi-threaded (Go's are), but must load its filter and
// execute the command from its main thread: the others are not traced, and
// execve ends them. This process must have no other children, since all are
// waited for here, and SIGCHLD is of no use in it any more.
func (t *Tracer) Run(pid int, seized func(error)) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if t.Apart == nil {
		return t.serve(pid, seized)
	}
	var err error
	t.loop.lineage = &lineage{apart: t.Apart, shim: t.shim}
	t.Apart(func(spent func() bool) bool {
		t.loop.spent = spent
		err = t.serve(pid, seized)
		return true
	})
	t.loop.lineage.all.Wait()
	return err
}

func (t *Tracer) serve(pid int, seized func(error)) error {
	err := t.seize(pid)
	seized(err)
	if err != nil {
		return err
	}
	t.loop.run()
	t.loop.close()
	return nil
}

func (t *Tracer) seize(pid int) error {
	if err := muteSIGCHLD(); err != nil {
		return err
	}
	if errno := request(unix.PTRACE_SEIZE, pid, 0, traceOptions); errno != 0 {
		return fmt.Errorf("process %d: %w", pid, os.NewSyscallError("ptrace(PTRACE_SEIZE)", errno))
	}
	t.loop.add(pid, pid)
	return nil
}

// run serves until there is no tracee left.
func (l *loop) run() {
	var status unix.WaitStatus
	var pace pace.Pace
	for n := 1; ; n++ {
		pace.Turn()
		tid, errno := wait(-1, &status, unix.WALL)
		switch errno {
		case 0:
			l.dispatch(tid, status)
		case unix.EINTR: // the bell
		default:
			return // ECHILD
		}
		if l.inbox != nil {
			l.inbox.serve(l)
		}
		if n%fairness == 0 {
			l.serveAll()
			l.bequeath()
		}
		l.wake()
	}
}

// fairness is how many stops of others a stopped thread may have to wait for.
// wait4 reports the youngest tracee first, so that a few busy ones could keep
// older ones waiting for ever.
const fairness = 64

// report is what wait4 said.
type report struct {
	tid    int
	status unix.WaitStatus
}

// serveAll attends to every thread that is stopped now.
func (l *loop) serveAll() {
	var status unix.WaitStatus
	l.reports = l.reports[:0]
	for {
		tid, errno := wait(-1, &status, unix.WALL|unix.WNOHANG)
		if errno != 0 || tid == 0 {
			break
		}
		if ev := decode(status); ev.kind == gone || ev.kind == execStop {
			// The stop that it is in by an earlier report is over.
			for i := range l.reports {
				if l.reports[i].tid == tid {
					l.reports[i].tid = 0
				}
			}
		}
		l.reports = append(l.reports, report{tid, status})
	}
	for _, r := range l.reports {
		if r.tid != 0 {
			l.dispatch(r.tid, r.status)
		}
	}
}
