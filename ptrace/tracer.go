package ptrace

import (
	"fmt"
	"os"
	"runtime"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// A Tracer serves a shim to one process and all that it starts. The process is
// no child of ours: it becomes the command by execve, and nobody who waits for
// it or signals it finds anybody in between.
type Tracer struct {
	loop *loop
}

// New makes a tracer that asks sh.
func New(sh *shim.Shim, log zerolog.Logger) *Tracer {
	return &Tracer{newLoop(newPolicy(sh), log)}
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
	err := t.seize(pid)
	seized(err)
	if err != nil {
		return err
	}
	t.loop.run()
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
	defer l.close()
	var status unix.WaitStatus
	for {
		tid, errno := wait(-1, &status, unix.WALL)
		switch errno {
		case 0:
			l.dispatch(tid, status)
		case unix.EINTR:
			l.wake()
		default:
			return // ECHILD
		}
	}
}
