package delegate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	goruntime "runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/container"
)

// A trial is a command that is run to see whether it works. All that it starts
// ends with it, also what has left its family: a process between is the parent
// of whatever loses its own (PR_SET_CHILD_SUBREAPER), and has no other children.
//
//	shimrun ── shimrun-trial ── COMMAND ─┬─ …
//	                  └─ orphans         └─ …

// trialName is argv[0] of the process between, which start.c knows as well.
const trialName = "shimrun-trial"

// trialVariable is set for whatever a trial starts: to onTrial for what is tried,
// and to beyondTrial for what that starts in turn.
const (
	trialVariable = "SHIMRUN_TRIAL"
	onTrial       = "1"
	beyondTrial   = "2"
)

// The process between never reaches main.
func init() {
	if len(os.Args) > 2 && os.Args[0] == trialName {
		os.Exit(trialMain(os.Args[1], os.Args[2:]))
	}
}

// EnterTrial is called before a container is made. Where this process is on
// trial, whatever it starts must not come here again: a runtime that leads back to
// this program would have itself tried out, without end.
func EnterTrial() error {
	switch os.Getenv(trialVariable) {
	case "":
		return nil
	case onTrial:
		return os.Setenv(trialVariable, beyondTrial)
	}
	return errors.New("a runtime that was tried out leads back to shimrun; give the path of runc, crun or runsc with --runtime")
}

// Try runs a command for a while at most, and gives what it printed. Whatever it
// started has ended when Try returns, and ends when this process does.
func Try(limit time.Duration, words ...string) ([]byte, error) {
	// The process between keeps the limit. It cannot end what sleeps in the
	// kernel uninterruptibly, and is not waited for then.
	ctx, cancel := context.WithTimeout(context.Background(), limit+5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/proc/self/exe")
	cmd.Args = append([]string{trialName, limit.String()}, words...)
	cmd.Env = append(os.Environ(), trialVariable+"="+onTrial)
	// It has to end the others before it ends itself, so it is asked. The kernel
	// does that when this thread ends, see PR_SET_PDEATHSIG(2const).
	goruntime.LockOSThread()
	defer goruntime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: unix.SIGTERM}
	cmd.WaitDelay = time.Second
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.Bytes(), err
}

// trialMain is the process between.
func trialMain(limit string, words []string) int {
	duration, err := time.ParseDuration(limit)
	if err == nil {
		// Where the kernel has none of this (old gVisor), those that have lost
		// their parent before the end are not found.
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGQUIT)
		var status int
		if status, err = tryFor(duration, signals, words); err == nil {
			return status
		}
	}
	fmt.Fprintf(os.Stderr, "shimrun: try %s out: %v\n", words[0], err)
	return runtime.StatusFailed
}

// tryFor runs the command, and ends all descendants of this process when the
// command has ended, the time is over, or a signal comes.
func tryFor(limit time.Duration, signals <-chan os.Signal, words []string) (status int, err error) {
	command, err := syscall.ForkExec(words[0], words, &syscall.ProcAttr{
		Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL},
	})
	if err != nil {
		return 0, &os.PathError{Op: "exec", Path: words[0], Err: err}
	}
	ends := make(chan end)
	go reapAll(ends)
	over := false
	for late := time.After(limit); ; {
		var stopped error
		select {
		case child, more := <-ends:
			if !more {
				return status, err
			}
			if child.pid == command && !over {
				over, status = true, child.status()
			}
		case sig := <-signals:
			stopped = fmt.Errorf("stopped by the signal %v", sig)
		case <-late:
			stopped = fmt.Errorf("it did not end within %v", limit)
		}
		if stopped != nil && !over {
			over, err = true, stopped
		}
		if over { // each death may bring its children here
			for _, p := range container.Descendants(os.Getpid()) {
				_ = p.Signal(unix.SIGKILL)
			}
		}
	}
}

// An end is that of a child.
type end struct {
	pid int
	how unix.WaitStatus
}

// status is the one that a shell gives it.
func (e end) status() int {
	if e.how.Signaled() {
		return 128 + int(e.how.Signal())
	}
	return e.how.ExitStatus()
}

// reapAll tells of each child's end until there is no child.
func reapAll(ends chan<- end) {
	defer close(ends)
	for {
		var how unix.WaitStatus
		switch pid, err := unix.Wait4(-1, &how, 0, nil); err {
		case nil:
			ends <- end{pid, how}
		case unix.EINTR:
		default: // ECHILD
			return
		}
	}
}
