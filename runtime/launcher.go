package runtime

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// launcherName is argv[0] of a launcher that is started for one plan.
const launcherName = "shimrun-launcher"

// assignment is what such a launcher is told.
type assignment struct {
	Plan Plan `json:"plan"`
}

// launcherArgs are such a launcher's arguments, see take_over in launcher.c.
func launcherArgs(document *os.File, front int, from caller) []string {
	return []string{
		launcherName, strconv.Itoa(int(document.Fd())), strconv.Itoa(front),
		strconv.FormatUint(from.Blocked, 16), strconv.FormatUint(from.Ignored, 16), strconv.FormatUint(uint64(from.Closed), 16),
	}
}

// What runs here was forked from the launcher.
func init() {
	if role() == roleLauncher {
		err := launcherMain()
		fmt.Fprintln(os.Stderr, "shimrun:", err)
		code := StatusFailed
		if s := statusOf(err); s != 0 {
			code = s
		}
		Exit(code)
	}
}

func launcherMain() error {
	l, forked := myLauncher()
	if !forked {
		return failed("the launcher is none; this is a bug in shimrun")
	}
	var a assignment
	fd, err := strconv.Atoi(os.Args[1])
	if err == nil {
		// Its number stays taken: it is one of those that are inherited.
		if fd, err = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3); err == nil {
			err = ReadDocument(fd, &a)
		}
	}
	if err != nil {
		return failed("read the launcher's assignment: %w", err)
	}
	front, err := strconv.Atoi(os.Args[2])
	if err != nil {
		return failed("read the launcher's arguments: %w", err)
	}
	return serveLauncher(a.Plan, l, conn(front))
}

// startLauncher starts a launcher as a child of this process, which becomes
// the plan's command, with the descriptors and the environment of this one. If
// it cannot, it says so on its standard error.
func startLauncher(plan Plan, from caller, env []string, files []uintptr, front int) (pid int, err error) {
	document, err := WriteDocument("assignment", assignment{plan})
	if err != nil {
		return 0, failed("%w", err)
	}
	defer document.Close()

	// Passed on under the numbers they have here, which are free for the
	// caller's own descriptors are inherited under theirs.
	pass := []uintptr{document.Fd()}
	if front >= 0 {
		pass = append(pass, uintptr(front))
	}
	syscall.ForkLock.Lock()
	for _, fd := range pass {
		_, _ = unix.FcntlInt(fd, unix.F_SETFD, 0)
	}
	// ForkExec takes the lock itself; nothing else forks in this process.
	syscall.ForkLock.Unlock()
	pid, err = syscall.ForkExec("/proc/self/exe", launcherArgs(document, front, from), &syscall.ProcAttr{Env: env, Files: files})
	for _, fd := range pass {
		unix.CloseOnExec(int(fd))
	}
	if err != nil {
		return 0, failed("start the launcher: %w", &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err})
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
