package runtime

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// Run makes this process the command of the plan: on success it does not
// return. It has to be called on the main goroutine, from main. The error is
// an [*ExitError].
func Run(plan Plan) error {
	if err := executable(plan.Path); err != nil {
		return err
	}
	if unix.Gettid() != unix.Getpid() {
		return failed("runtime.Run was called off the main thread; this is a bug in shimrun")
	}
	if plan.Stats || plan.StatsFile != "" {
		return runFront(plan)
	}
	err := launch(plan, callerAtStart(), -1)
	if traced {
		endTraced(err)
	}
	return err
}

// launch starts a supervisor, comes under it, and becomes the command. The
// front's socket for statistics is passed on to the supervisor, unless -1.
func launch(plan Plan, from caller, front int) error {
	if len(plan.Profile) == 0 {
		return execute(plan, from)
	}
	c, err := startSupervisor(plan, from, front)
	if err != nil {
		return failed("start the supervisor: %w", err)
	}
	l := launcher{plan: plan, conn: c}
	if err := l.comeUnder(); err != nil {
		return err
	}
	return execute(plan, from)
}

// execute becomes the command. The kernel's errors that are left at this point
// are about the file's contents, such as ENOEXEC.
func execute(plan Plan, from caller) error {
	env := environ()
	from.restore()
	err := syscall.Exec(plan.Path, plan.Args, env)
	code := StatusNotExecutable
	if errors.Is(err, unix.ENOENT) {
		code = StatusNotFound // of the interpreter, or removed meanwhile
	}
	return &ExitError{code, &os.PathError{Op: "exec", Path: plan.Path, Err: err}}
}

// launcher is the process that becomes the command, until it does.
type launcher struct {
	plan Plan
	conn conn
	// supervisor is the number of the one that answered; 0 when none is needed.
	supervisor int
}

// comeUnder has the supervisor serve this thread's calls.
func (l *launcher) comeUnder() error {
	lacking := l.probe()
	var hello hello
	if _, err := l.conn.receive(&hello); err != nil {
		return failed("the supervisor did not start: %w", err)
	}
	if hello.Err != "" {
		return failed("%s", hello.Err)
	}
	if hello.Empty {
		l.conn.close()
		return nil
	}
	word := landmark
	l.supervisor = hello.PID
	if err := l.conn.send(offer{PID: os.Getpid(), Seccomp: lacking, Address: landmarkAddress(), Word: word}); err != nil {
		return failed("talk to the supervisor: %w", err)
	}
	var choice choice
	if _, err := l.conn.receive(&choice); err != nil {
		return failed("the supervisor went away while it chose a backend: %w", err)
	}
	if choice.Err != "" {
		return failed("%s", choice.Err)
	}
	program, err := seccomp.Decode(choice.Program)
	if err != nil {
		return failed("the supervisor's filter: %w", err)
	}
	if choice.Backend == BackendSeccomp {
		err = l.underNotification(program, choice)
	} else {
		err = l.underPtrace(program, choice, hello.PID)
	}
	switch {
	case err == nil:
		return nil
	case choice.Lacks != "":
		return failed("no backend works here, and nothing was started; seccomp: %s; ptrace: %w", choice.Lacks, err)
	default:
		return failed("come under the %s backend: %w", choice.Backend, err)
	}
}

// probe finds out what user notification lacks here, before anything is
// irreversible.
func (l *launcher) probe() (lacking string) {
	if l.plan.Backend == BackendPtrace {
		return "not asked for"
	}
	if err := seccomp.Probe(); err != nil {
		return err.Error()
	}
	return ""
}

// underNotification loads the filter on this thread alone: the threads of the
// Go runtime stay as they are and end at execve. From the load to the first
// answer it makes no call that can be trapped: sendmsg and close.
func (l *launcher) underNotification(program []unix.SockFilter, choice choice) error {
	listener, flags, err := seccomp.Load(program, seccomp.Listen|seccomp.WaitKillable)
	if err != nil {
		return err
	}
	err = l.conn.send(handover{Backend: choice.Backend, Flags: flags}, listener)
	// Ours has to go before the first trapped call, which would wait forever
	// for a supervisor that has died; with no listener left it fails.
	unix.Close(listener)
	if err != nil {
		return err
	}
	if value, errno := rawProbe(choice.Probe, choice.Args); errno != 0 || value != seccomp.Greeting {
		return fmt.Errorf("the first trapped call was not answered by the supervisor: %w", errno)
	}
	return nil
}

// underPtrace has the supervisor seize this thread, and then loads the filter
// that stops it.
func (l *launcher) underPtrace(program []unix.SockFilter, choice choice, supervisor int) error {
	// The supervisor is no ancestor of ours: where Yama restricts ptrace to
	// descendants (ptrace_scope 1) it needs leave. EINVAL where there is no Yama.
	_ = unix.Prctl(unix.PR_SET_PTRACER, uintptr(supervisor), 0, 0, 0)
	if err := l.conn.send(handover{Backend: choice.Backend}); err != nil {
		return err
	}
	var seized seized
	if _, err := l.conn.receive(&seized); err != nil {
		return fmt.Errorf("the supervisor went away: %w", err)
	}
	_ = unix.Prctl(unix.PR_SET_PTRACER, 0, 0, 0, 0)
	if seized.Err != "" {
		return errors.New(seized.Err)
	}
	traced = true
	if _, _, err := seccomp.Load(program, 0); err != nil {
		return err
	}
	// RET_TRACE without a tracer is ENOSYS; with one, the call's arguments are
	// merely wrong.
	if _, errno := rawProbe(choice.Probe, choice.Args); errno == unix.ENOSYS {
		return errors.New("a trapped call did not reach the tracer")
	}
	if err := l.conn.send(struct{}{}); err != nil {
		return err
	}
	if _, err := l.conn.receive(&seized); err != nil {
		return fmt.Errorf("the supervisor went away: %w", err)
	}
	if seized.Err != "" {
		return errors.New(seized.Err)
	}
	return nil
}

// startSupervisor starts this same program anew; its constructor (start.c)
// makes it a process of its own, and the one that we wait for here is gone
// within a millisecond.
func startSupervisor(plan Plan, from caller, front int) (conn, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[1])
	document, err := WriteDocument("plan", plan)
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

	if front < 0 {
		front = int(null.Fd())
	}
	// In the order of the supervisor… constants.
	files := []uintptr{null.Fd(), null.Fd(), 2, uintptr(pair[1]), document.Fd(), uintptr(front)}
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

// supervisorEnv is the little of the environment that means something to the
// supervisor. Its threads need no preemption: they wait in system calls, which
// the signal for it would interrupt. One processor more than its threads need
// lets Go's monitor leave a waiting thread its own, see package pace.
func supervisorEnv() []string {
	env := []string{"GODEBUG=asyncpreemptoff=1", "GOMAXPROCS=" + strconv.Itoa(max(2, runtime.NumCPU()))}
	for _, name := range []string{"TZ", "NO_COLOR", "TERM", "GOCOVERDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// init keeps the main goroutine on the process's first thread, the only one
// that can load a filter and execve without changing its number.
func init() {
	runtime.LockOSThread()
}
