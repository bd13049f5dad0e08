package delegate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/agent"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/shim"
)

// Mode is the name of this way to run a container.
const Mode = "delegate"

// Engine runs the verbs of one container by its runtime.
type Engine struct {
	Container *container.Container
	// Flags are global flags that are passed on.
	Flags []string
}

// command is a verb of the runtime's.
func (e Engine) command(args ...string) []string {
	all := append([]string{e.Container.Runtime, "--root", filepath.Join(e.Container.Dir(), stateFolder)}, e.Flags...)
	return append(all, args...)
}

// socket is where the runtime hands listeners over.
func (e Engine) socket() string { return filepath.Join(e.Container.Dir(), "agent") }

// Prepare writes the bundle that the runtime gets, and gives its folder: the
// given one, with the shim in its rules or around its process.
func (e Engine) Prepare(b *bundle.Bundle, traps []shim.Trap) (string, error) {
	given := container.Given(b.Spec.Annotations)
	if len(traps) == 0 && len(given) == len(b.Spec.Annotations) {
		return b.Dir, nil
	}
	spec := *b.Spec
	// What later versions add is ignored by who does not know it, as the
	// specification demands; but there are runtimes that refuse the number.
	spec.Version = "1.0.2"
	// The runtime shows them to hooks.
	spec.Annotations = given
	root := *spec.Root
	root.Path = b.Rootfs
	spec.Root = &root
	spec.Mounts = append([]specs.Mount{}, spec.Mounts...)
	for i, m := range spec.Mounts {
		// Relative to the bundle, which is another one now.
		if isBind(m) && !filepath.IsAbs(m.Source) {
			spec.Mounts[i].Source = filepath.Join(b.Dir, m.Source)
		}
	}
	switch {
	case len(traps) == 0:
	case e.Container.Within:
		if err := e.enter(&spec); err != nil {
			return "", err
		}
	default:
		linux := specs.Linux{}
		if spec.Linux != nil {
			linux = *spec.Linux
		}
		linux.Seccomp = Merge(linux.Seccomp, traps, e.socket())
		spec.Linux = &linux
	}
	dir := filepath.Join(e.Container.Dir(), "bundle")
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	text, err := json.MarshalIndent(spec, "", "\t")
	if err != nil {
		return "", err
	}
	return dir, os.WriteFile(filepath.Join(dir, bundle.ConfigName), text, 0o600)
}

func isBind(m specs.Mount) bool {
	if m.Type == "bind" {
		return true
	}
	for _, option := range m.Options {
		if option == "bind" || option == "rbind" {
			return true
		}
	}
	return false
}

// Start starts a verb that makes a process, and serves that process unless the
// shim is in the container with it. The command has this process's standard files, and the descriptors after these.
func (e Engine) Start(plan runtime.Plan, preserve int, args ...string) (*exec.Cmd, error) {
	words := e.command(args...)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	for n := range preserve {
		cmd.ExtraFiles = append(cmd.ExtraFiles, os.NewFile(uintptr(3+n), "preserved"))
	}
	if len(plan.Profile) == 0 || e.Container.Within {
		return cmd, cmd.Start()
	}
	// One process after the other hands its listener over.
	lock, err := os.OpenFile(e.socket()+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return nil, os.NewSyscallError("flock", err)
	}
	listener, err := agent.Listen(e.socket())
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := e.serve(listener, plan, cmd.Process.Pid); err != nil {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		return nil, err
	}
	return cmd, nil
}

// serve waits until the runtime hands the process over, or ends without.
func (e Engine) serve(listener *net.UnixListener, plan runtime.Plan, pid int) error {
	// It is our child: the number is its own until we wait for it.
	ends, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(ends)
	for {
		connected, err := readable(listener, ends)
		if err != nil || !connected {
			return err // without a connection its exit status says why
		}
		conn, err := listener.AcceptUnix()
		if err != nil {
			return err
		}
		err = e.take(conn, plan, ends)
		conn.Close()
		if errors.Is(err, io.EOF) {
			continue // it has given up, and says why itself
		}
		return err
	}
}

// take takes what a runtime hands over, now or later.
func (e Engine) take(conn *net.UnixConn, plan runtime.Plan, ends int) error {
	sent, err := readable(conn, ends)
	if err != nil {
		return err
	}
	if !sent {
		return e.leaveWaiting(conn, plan)
	}
	return adopt(e.Container, conn, plan)
}

// readable waits until something can be taken from a socket, and tells false
// when the process behind a pidfd has ended and nothing can.
//
// A runtime's verb may connect, hand over and end while this process waits for
// its turn to run: what it handed over is waiting then, and is the container's
// only listener. So the end counts only if the socket, looked at after it, is
// empty. Nor is there a time limit, which would have passed in the meantime.
func readable(socket syscall.Conn, ends int) (is bool, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return false, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		in := unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
		both := []unix.PollFd{in, {Fd: int32(ends), Events: unix.POLLIN}}
		if failed = poll(both, -1); failed == nil {
			after := []unix.PollFd{in}
			failed = poll(after, 0)
			is = after[0].Revents != 0
		}
	})
	return is, errors.Join(err, failed)
}

func poll(fds []unix.PollFd, timeout int) error {
	for {
		_, err := unix.Poll(fds, timeout)
		if err != unix.EINTR {
			return os.NewSyscallError("poll", err)
		}
	}
}

// Become is for all other verbs: this process becomes the runtime.
func (e Engine) Become(args ...string) error {
	words := e.command(args...)
	return &os.PathError{Op: "exec", Path: words[0], Err: syscall.Exec(words[0], words, os.Environ())}
}

// Run runs a verb to its end, and gives what it printed.
func (e Engine) Run(args ...string) ([]byte, error) {
	words := e.command(args...)
	cmd := exec.Command(words[0], words[1:]...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return out, fmt.Errorf("%s: %s", filepath.Base(words[0]), exit.Stderr)
	}
	return out, err
}

// Status is the container's status, as its runtime has it.
func (e Engine) Status() (status container.Status, pid int) {
	var s struct {
		Status container.Status `json:"status"`
		PID    int              `json:"pid"`
	}
	out, err := e.Run("state", e.Container.ID)
	if err != nil || json.Unmarshal(out, &s) != nil {
		if !e.Container.Ready && e.Container.Creator.Alive() {
			return container.Creating, 0
		}
		return container.Stopped, 0
	}
	return s.Status, s.PID
}
