package runtime

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Run has the process that the user started become the command of the plan, and
// on success it does not return. Where this process was forked from that one
// (start.c) it becomes the supervisor; otherwise it is that one, and starts over
// as a launcher. The error is an [*ExitError].
func Run(plan Plan) error {
	if err := executable(plan.Path); err != nil {
		return err
	}
	if plan.Stats || plan.StatsFile != "" {
		StepAside()
		return runFront(plan)
	}
	if l, forked := myLauncher(); forked {
		return serveLauncher(plan, l, -1)
	}
	return becomeLauncher(plan)
}

// serveLauncher is the part of a process that was forked from a launcher.
func serveLauncher(plan Plan, l launcher, front conn) error {
	if plan.Empty() && !plan.watched() {
		if err := l.become(targetOf(plan), 0); err != nil {
			return failed("%w", err)
		}
		_, _, err := l.answer()
		var refused *refusal
		if errors.As(err, &refused) {
			return executeError(plan.Path, refused.err)
		}
		os.Exit(0)
	}
	return supervise(plan, l, front)
}

// StepAside ends this process if it was forked from a launcher, which then goes
// on in its place. It is for what is no run of a command, and has to be called
// before anything was read or written.
func StepAside() {
	if l, forked := myLauncher(); forked {
		if l.aside() == nil {
			os.Exit(0)
		}
	}
}

// Exit ends the process that the user started. If this one was forked from it,
// both end.
func Exit(code int) {
	if l, forked := myLauncher(); forked {
		_ = l.exit(code, "")
	}
	os.Exit(code)
}

// executeError says why a command could not be executed. The kernel's errors
// that are left at that point are about the file's contents, such as ENOEXEC.
func executeError(path string, errno unix.Errno) *ExitError {
	code := StatusNotExecutable
	if errno == unix.ENOENT {
		code = StatusNotFound // of the interpreter, or removed meanwhile
	}
	return &ExitError{code, &os.PathError{Op: "exec", Path: path, Err: errno}}
}

// becomeLauncher starts this process over as a launcher, by execve. It returns
// only if that fails.
func becomeLauncher(plan Plan) error {
	document, err := WriteDocument("assignment", assignment{plan})
	if err != nil {
		return failed("%w", err)
	}
	_, _ = unix.FcntlInt(document.Fd(), unix.F_SETFD, 0)
	from, env := callerAtStart(), environ()
	err = syscall.Exec("/proc/self/exe", launcherArgs(document, -1, from), env)
	return failed("start the launcher: %w", &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err})
}

// startSupervisor starts this same program anew; its constructor (start.c)
// makes it a process of its own, and the one that we wait for here is gone
// within a millisecond.
func startSupervisor(plan Plan, from caller) (conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[1])
	document, err := WriteDocument("charge", charge{plan, os.Getpid(), landmarkAddress()})
	if err != nil {
		unix.Close(pair[0])
		return -1, err
	}
	defer document.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		unix.Close(pair[0])
		return -1, err
	}
	defer null.Close()

	// In the order of the supervisor… constants.
	files := []uintptr{null.Fd(), null.Fd(), 2, uintptr(pair[1]), document.Fd()}
	if plan.Apart || from.Closed&(1<<2) != 0 {
		files[2] = null.Fd()
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{supervisorName}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   supervisorEnv(),
		Files: files,
	})
	if err != nil {
		unix.Close(pair[0])
		return -1, &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err}
	}
	if err := reap(pid); err != nil {
		unix.Close(pair[0])
		return -1, err
	}
	return conn(pair[0]), nil
}

// reap waits for the process that forked the supervisor, so that the command
// has no child that it did not make.
func reap(pid int) error {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(pid, &status, 0, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return os.NewSyscallError("wait4", err)
		case !status.Exited() || status.ExitStatus() != 0:
			return fmt.Errorf("its first process ended with status %#x", int(status))
		default:
			return nil
		}
	}
}

// supervisorEnv is the little of the environment that means something to a
// supervisor that is started, and the settings that launcher.c has for others.
func supervisorEnv() []string {
	env := []string{"GODEBUG=asyncpreemptoff=1,updatemaxprocs=0,containermaxprocs=0", "GOGC=off", "GOTRACEBACK=none", "GOMAXPROCS=" + strconv.Itoa(max(4, runtime.NumCPU()))}
	for _, name := range []string{"TZ", "NO_COLOR", "TERM", "GOCOVERDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// init keeps the main goroutine of an ordinary process on the process's first
// thread, the only one that can load a filter and execve without changing its
// number, see [Enter]. A supervisor would pay for that with every switch.
func init() {
	if _, forked := myLauncher(); !forked && role() == roleCommand {
		runtime.LockOSThread()
	}
}
