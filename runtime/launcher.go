package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// launcherName is argv[0] of a launcher that this process starts because it
// has to stay behind and wait for the command.
const launcherName = "shimrun-launcher"

// assignment is what such a launcher is told.
type assignment struct {
	Plan   Plan   `json:"plan"`
	Caller caller `json:"caller"`
	// Outcome is the descriptor on which it says why there is no command;
	// Front the socket that its supervisor gets, or -1.
	Outcome int `json:"outcome"`
	Front   int `json:"front"`
}

// outcome is an [ExitError] on its way.
type outcome struct {
	Code int    `json:"code"`
	Err  string `json:"err"`
}

func init() {
	if role() == roleLauncher {
		os.Exit(launcherMain())
	}
}

func launcherMain() int {
	var a assignment
	fd, err := strconv.Atoi(os.Args[1])
	if err == nil {
		err = readDocument(fd, &a)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "shimrun: read the launcher's assignment:", err)
		return StatusFailed
	}
	unix.CloseOnExec(a.Outcome)
	if a.Front >= 0 {
		unix.CloseOnExec(a.Front)
	}
	err = launch(a.Plan, a.Caller, a.Front)
	out := outcome{StatusFailed, err.Error()}
	if code := statusOf(err); code != 0 {
		out.Code = code
	}
	_ = json.NewEncoder(os.NewFile(uintptr(a.Outcome), "outcome")).Encode(out)
	if traced {
		endTraced(&ExitError{Code: out.Code})
	}
	return out.Code
}

// startLauncher starts a launcher as a child of this process, which becomes
// the plan's command, with the descriptors and the environment of this one.
// The error, an [*ExitError], says why it did not.
func startLauncher(plan Plan, from caller, env []string, files []uintptr, front int) (pid int, err error) {
	outcomeR, outcomeW, err := os.Pipe()
	if err != nil {
		return 0, failed("%w", err)
	}
	defer outcomeR.Close()
	defer outcomeW.Close()
	document, err := WriteDocument("assignment", assignment{plan, from, int(outcomeW.Fd()), front})
	if err != nil {
		return 0, failed("%w", err)
	}
	defer document.Close()

	// Passed on under the numbers they have here, which are free for the
	// caller's own descriptors are inherited under theirs.
	pass := []uintptr{document.Fd(), outcomeW.Fd()}
	if front >= 0 {
		pass = append(pass, uintptr(front))
	}
	syscall.ForkLock.Lock()
	for _, fd := range pass {
		_, _ = unix.FcntlInt(fd, unix.F_SETFD, 0)
	}
	// ForkExec takes the lock itself; nothing else forks in this process.
	syscall.ForkLock.Unlock()
	pid, err = syscall.ForkExec("/proc/self/exe", []string{launcherName, strconv.Itoa(int(document.Fd()))},
		&syscall.ProcAttr{Env: env, Files: files})
	for _, fd := range pass {
		unix.CloseOnExec(int(fd))
	}
	if err != nil {
		return 0, failed("start the launcher: %w", &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err})
	}
	outcomeW.Close()
	var out outcome
	if err := json.NewDecoder(outcomeR).Decode(&out); err == nil {
		_ = waitFor(pid)
		return 0, &ExitError{out.Code, errors.New(out.Err)}
	}
	return pid, nil
}

// waitFor waits for a child's end.
func waitFor(pid int) unix.WaitStatus {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}
