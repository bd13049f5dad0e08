package builtin

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/moby/sys/capability"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/container"
)

// A process that was started to become a container's program never reaches
// main: whatever program this package is part of (a test, say) can be its own.
func init() {
	if len(os.Args) == 2 && os.Args[0] == initName {
		runtime.StepAside()
		os.Exit(initMain())
	}
}

// initProcess is that process. All that it does to itself it does on its first
// thread, which is locked (package runtime), and which becomes the program.
type initProcess struct {
	assignment
	talk    *talk
	waiting *os.File
	start   *os.File
	console *os.File

	lacks []container.Lack
	// warnings are of what was asked for in vain and protects nothing.
	warnings []string
	// around tells that the shim of a shimrun around this one serves it.
	around bool
	// groups are the folders of its control groups, by controller, "" for that of version
	// 2; nil where it has none. kernelGroups tells that they are not served, ownGroups
	// that of version 1 it sees these alone.
	groups                  map[string]string
	kernelGroups, ownGroups bool
	// private are the namespaces that are its own by now.
	private []string
	// trees are the mounts at which a tree of the machine's stands in for a
	// filesystem, sealed those that are made read-only at the end.
	trees, sealed []string
	// held are the capabilities that it has.
	held  capability.Capabilities
	rules *rules
	// late are limits that are set at the last moment, program what is executed.
	late    []specs.POSIXRlimit
	program string
}

func initMain() int {
	i, err := newInitProcess()
	if err != nil {
		fmt.Fprintln(os.Stderr, "shimrun:", err)
		return runtime.StatusFailed
	}
	if err := i.prepare(); err != nil {
		_ = i.talk.say(message{Kind: sayFailed, Err: err.Error()})
		runtime.Leave(runtime.StatusFailed)
	}
	err = i.become()
	if i.Join == nil {
		_, _ = i.waiting.WriteAt([]byte(err.Error()), 0)
	} else {
		_ = i.talk.say(message{Kind: sayFailed, Err: err.Error()})
	}
	runtime.Leave(runtime.StatusFailed)
	return runtime.StatusFailed
}

func newInitProcess() (*initProcess, error) {
	first, err := strconv.Atoi(os.Args[1])
	if err != nil {
		return nil, err
	}
	if err := closeOnExecFrom(first); err != nil {
		return nil, err
	}
	i := &initProcess{
		talk:    newTalk(os.NewFile(uintptr(first+fdTalk), "talk")),
		waiting: os.NewFile(uintptr(first+fdWaiting), "waiting"),
		start:   os.NewFile(uintptr(first+fdStart), "start"),
		console: os.NewFile(uintptr(first+fdConsole), "console"),
	}
	return i, runtime.ReadDocument(first+fdAssignment, &i.assignment)
}

// closeOnExecFrom keeps from the program what it was not given: the caller may
// have had more open than it knew.
func closeOnExecFrom(first int) error {
	err := unix.CloseRange(uint(first), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}

// lack notes what was asked for and is not there.
func (i *initProcess) lack(what string, why error) {
	i.lacks = append(i.lacks, container.Lack{What: what, Why: why.Error()})
}

// prepare does everything up to the wait for the start.
func (i *initProcess) prepare() error {
	if i.Join == nil {
		if err := unix.Flock(int(i.waiting.Fd()), unix.LOCK_EX); err != nil {
			return &os.PathError{Op: "flock", Path: "waiting", Err: err}
		}
	}
	supervisor := 0
	if i.around = ServedAround(); !i.around {
		var err error
		if supervisor, err = runtime.Enter(i.Plan); err != nil {
			return err
		}
	}
	i.joinKeyring()
	err := i.adjust()
	if err != nil {
		return err
	}
	i.joinGroups()
	if i.Join != nil {
		err = i.joinContainer()
	} else {
		err = i.makeContainer(supervisor)
	}
	if err != nil {
		return err
	}
	if err := i.settle(); err != nil {
		return err
	}
	if err := i.talk.say(message{Kind: sayReady, Lacks: i.lacks, Warnings: i.warnings, Supervisor: supervisor}); err != nil {
		return err
	}
	_, err = i.talk.expect(sayGo)
	return err
}

// makeContainer makes the surroundings that the program finds itself in.
func (i *initProcess) makeContainer(supervisor int) error {
	if err := i.unshare(); err != nil {
		return err
	}
	err := i.ask(message{Kind: sayHooks, Supervisor: supervisor, Around: i.around, Namespaces: i.private})
	if err != nil {
		return err
	}
	if err := i.makeRoot(); err != nil {
		return err
	}
	if hooks := i.Spec.Hooks; hooks != nil {
		i.State.Pid = os.Getpid()
		if err := runHooks("createContainer", hooks.CreateContainer, i.State); err != nil {
			return err
		}
	}
	if err := i.enterRoot(); err != nil {
		return err
	}
	i.nameHost()
	i.noteRest()
	return nil
}

// ask says something that the other side has to act upon.
func (i *initProcess) ask(m message) error {
	if err := i.talk.say(m); err != nil {
		return err
	}
	_, err := i.talk.expect(sayGo)
	return err
}

// settle gives the process what belongs to it alone.
func (i *initProcess) settle() error {
	p := i.Spec.Process
	if i.Console {
		if err := i.openTerminal(); err != nil {
			return fmt.Errorf("terminal: %w", err)
		}
	}
	i.console.Close()
	if i.Join == nil || i.tells() {
		i.seal()
	}
	i.raiseLimits(p.Rlimits)
	if err := i.compile(); err != nil {
		return err
	}
	if p.NoNewPrivileges {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return os.NewSyscallError("prctl PR_SET_NO_NEW_PRIVS", err)
		}
	} else if err := i.filter(); err != nil {
		// Now, while there still is the privilege that it takes.
		return err
	}
	if err := i.setUser(p); err != nil {
		return err
	}
	return i.findProgram(p)
}

// become waits for the start and is the program. It returns only the reason
// why not.
func (i *initProcess) become() error {
	p := i.Spec.Process
	if i.Join == nil {
		if err := i.await(); err != nil {
			return err
		}
	}
	if err := i.lowerLimits(); err != nil {
		return err
	}
	if p.NoNewPrivileges {
		if err := i.filter(); err != nil {
			return err
		}
	}
	if err := i.runStartHooks(); err != nil {
		return err
	}
	return runtime.Become(i.program, p.Args, p.Env)
}

// runStartHooks runs the hooks that are the container's own. They are in its
// root, have its user, and all of its rules and limits are theirs.
func (i *initProcess) runStartHooks() error {
	hooks := i.Spec.Hooks
	if i.Join != nil || hooks == nil {
		return nil
	}
	i.State.Pid, i.State.Status = os.Getpid(), specs.StateCreated
	var own []specs.Hook
	for _, hook := range hooks.StartContainer {
		if len(hook.Env) == 0 {
			hook.Env = i.Spec.Process.Env // as with runc
		}
		own = append(own, hook)
	}
	return runHooks("startContainer", own, i.State)
}

// await returns when somebody has written to the FIFO. There is no other end
// that could close.
func (i *initProcess) await() error {
	i.talk.file.Close()
	var b [1]byte
	for {
		switch _, err := unix.Read(int(i.start.Fd()), b[:]); {
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return &os.PathError{Op: "read", Path: "start", Err: err}
		default:
			return nil
		}
	}
}
