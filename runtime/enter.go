package runtime

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Enter is the first half of [Run], for a process that still has something to
// do before it becomes the command, such as to enter a container's root: it
// starts a supervisor, and brings the calling thread under it, which is the
// process's first. Whatever that thread calls from then on is served. It gives
// the supervisor's number, 0 where the plan needs none.
//
// Once it has succeeded the process becomes the command by [Become], or ends
// by [Leave].
func Enter(plan Plan) (supervisor int, err error) {
	if unix.Gettid() != unix.Getpid() {
		return 0, errors.New("runtime.Enter was called off the main thread; this is a bug in shimrun")
	}
	if plan.Empty() {
		return 0, nil
	}
	if own, err = unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0); err != nil {
		return 0, &os.PathError{Op: "open", Path: "/proc/self/exe", Err: err}
	}
	c, err := startSupervisor(plan, callerAtStart())
	if err != nil {
		return 0, fmt.Errorf("start the supervisor: %w", err)
	}
	defer c.close()
	return obey(c)
}

// own is this process's executable, for a process that cannot name it any more.
var own = -1

// Become executes the command as a container runtime has to: with every signal
// at its default and unblocked. It returns only if that fails.
func Become(path string, args, env []string) error {
	caller{}.restore()
	return &os.PathError{Op: "exec", Path: path, Err: syscall.Exec(path, args, env)}
}

// Leave ends a process that has called [Enter] and does not become the command.
func Leave(code int) {
	if traced {
		endTraced(code)
	}
	os.Exit(code)
}
