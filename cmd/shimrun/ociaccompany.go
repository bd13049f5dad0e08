package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/containerd/console"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/builtin"
)

// accompany stays with a process that start starts: it passes on signals, gives
// it this process's terminal if it is to have one, and returns its exit status.
func accompany(terminal bool, start func(console *os.File) (pid int, err error)) (status int, err error) {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	defer signal.Stop(signals)

	var relay *terminalRelay
	var theirs *os.File
	if terminal {
		if relay, theirs, err = newTerminalRelay(); err != nil {
			return 0, err
		}
		defer relay.close()
	}
	pid, err := start(theirs)
	if theirs != nil {
		theirs.Close()
	}
	if err != nil {
		return 0, err
	}
	if relay != nil {
		if err := relay.start(); err != nil {
			_ = unix.Kill(pid, unix.SIGKILL)
			awaitChild(pid)
			return 0, err
		}
	}
	go func() {
		for sig := range signals {
			switch sig {
			case unix.SIGCHLD, unix.SIGURG: // the runtime's own
			case unix.SIGWINCH:
				relay.resize()
			default:
				_ = unix.Kill(pid, sig.(syscall.Signal))
			}
		}
	}()
	ended := awaitChild(pid)
	if relay != nil {
		relay.drain()
	}
	if ended.Signaled() {
		return 128 + int(ended.Signal()), nil
	}
	return ended.ExitStatus(), nil
}

func awaitChild(pid int) unix.WaitStatus {
	var status unix.WaitStatus
	for {
		if _, err := unix.Wait4(pid, &status, 0, nil); err != unix.EINTR {
			return status
		}
	}
}

// terminalRelay carries bytes between this process's terminal and a container's.
type terminalRelay struct {
	socket *os.File
	own    console.Console
	master console.Console
	copied chan struct{}
}

func newTerminalRelay() (*terminalRelay, *os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	r := &terminalRelay{socket: os.NewFile(uintptr(pair[0]), "console")}
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		if own, err := console.ConsoleFromFile(f); err == nil {
			r.own = own
			break
		}
	}
	return r, os.NewFile(uintptr(pair[1]), "console"), nil
}

// start takes the container's terminal over. Without a terminal of its own this
// process relays what its streams bring.
func (r *terminalRelay) start() error {
	f, err := builtin.ReceiveFile(r.socket)
	if err != nil {
		return err
	}
	if r.master, err = console.ConsoleFromFile(f); err != nil {
		return err
	}
	if r.own != nil {
		if err := r.own.SetRaw(); err != nil {
			return err
		}
		r.resize()
	}
	r.copied = make(chan struct{})
	go func() { _, _ = io.Copy(r.master, os.Stdin) }()
	go func() {
		defer close(r.copied)
		_, _ = io.Copy(os.Stdout, r.master)
	}()
	return nil
}

func (r *terminalRelay) resize() {
	if r != nil && r.own != nil && r.master != nil {
		_ = r.master.ResizeFrom(r.own)
	}
}

// drain waits for what the program wrote last. Something that it left behind
// may hold the terminal for longer.
func (r *terminalRelay) drain() {
	if r.copied != nil {
		<-r.copied
	}
}

func (r *terminalRelay) close() {
	if r.own != nil && r.master != nil {
		_ = r.own.Reset()
	}
	if r.master != nil {
		r.master.Close()
	}
	r.socket.Close()
}
