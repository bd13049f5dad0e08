package builtin

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/container"
)

// Streams is what a process gets from its caller.
type Streams struct {
	// Console is a socket that takes the master of the process's terminal; nil
	// where it has none.
	Console *os.File
	// Relayed tells that what the program writes goes on to another terminal,
	// and is to reach that one as it was written.
	Relayed bool
	// PreserveFDs is how many of the caller's descriptors after the third are
	// passed on.
	PreserveFDs int
}

// spawn starts the process that becomes the program, and gives our end of the
// talk with it.
func spawn(a assignment, c *container.Container, streams Streams) (*talk, container.Process, error) {
	none := container.Process{}
	a.Console, a.Relayed = streams.Console != nil, streams.Relayed
	a.PreserveFDs = streams.PreserveFDs
	document, err := runtime.WriteDocument("assignment", a)
	if err != nil {
		return nil, none, err
	}
	defer document.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, none, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(pair[1]), "talk")
	defer theirs.Close()
	ours := os.NewFile(uintptr(pair[0]), "talk")

	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		ours.Close()
		return nil, none, err
	}
	defer null.Close()
	waiting, start := null, null
	if a.Join == nil {
		if waiting, start, err = openGate(c); err != nil {
			ours.Close()
			return nil, none, err
		}
		defer waiting.Close()
		defer start.Close()
	}
	console := null
	if streams.Console != nil {
		console = streams.Console
	}

	files := []uintptr{0, 1, 2}
	for n := range streams.PreserveFDs {
		fd := uintptr(3 + n)
		if _, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil {
			ours.Close()
			return nil, none, fmt.Errorf("--preserve-fds %d: descriptor %d is not open", streams.PreserveFDs, fd)
		}
		files = append(files, fd)
	}
	first := len(files)
	files = append(files, document.Fd(), theirs.Fd(), waiting.Fd(), start.Fd(), console.Fd())
	pid, err := syscall.ForkExec("/proc/self/exe", []string{initName, strconv.Itoa(first)}, &syscall.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: files,
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		ours.Close()
		return nil, none, &os.PathError{Op: "exec", Path: "/proc/self/exe", Err: err}
	}
	process, err := container.Find(pid)
	if err != nil {
		// It is our child: the number is its own until we wait for it.
		_ = unix.Kill(pid, unix.SIGKILL)
		waitFor(pid)
		ours.Close()
		return nil, none, err
	}
	return newTalk(ours), process, nil
}

// openGate opens what the process waits at before it becomes the program.
func openGate(c *container.Container) (waiting, start *os.File, err error) {
	waiting, err = os.OpenFile(c.WaitingName(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, nil, err
	}
	// For reading and writing: it never ends, whoever opens and closes it.
	fd, err := unix.Open(c.StartName(), unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		waiting.Close()
		return nil, nil, &os.PathError{Op: "open", Path: c.StartName(), Err: err}
	}
	return waiting, os.NewFile(uintptr(fd), c.StartName()), nil
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
