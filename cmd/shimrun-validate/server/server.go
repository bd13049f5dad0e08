// Package server runs one Kubernetes server, k3s or another, and looks at its
// processes from outside.
//
//	Start ──▶ shimrun (stays, as parent) ──▶ SERVER ──▶ …
//	  │            └─▶ guardian ─▶ supervisor
//	  └── Server: Done, Stop, Processes ── /proc
//
// It knows nothing of Kubernetes.
package server

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Options say what to start.
type Options struct {
	Args []string // the whole command line, shimrun included
	Log  *os.File // gets all that the server writes; opened for appending
	// Under tells that Args begins with shimrun, which stays as the parent.
	Under bool
}

// Server is one that was started.
type Server struct {
	Begun time.Time

	opt   Options
	cmd   *exec.Cmd
	done  chan struct{}
	ended time.Time
}

// Start starts a server in a process group of its own, so that the terminal's
// signals do not reach it: it is stopped by [Server.Stop], and ends with us.
func Start(opt Options) (*Server, error) {
	s := &Server{opt: opt, done: make(chan struct{})}
	s.cmd = exec.Command(opt.Args[0], opt.Args[1:]...)
	s.cmd.Stdout, s.cmd.Stderr = opt.Log, opt.Log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started := make(chan error)
	go func() {
		// Pdeathsig is sent when this thread ends, not the process.
		runtime.LockOSThread()
		s.Begun = time.Now()
		err := s.cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = s.cmd.Wait()
		s.ended = time.Now()
		close(s.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return s, nil
}

// Done is closed when the server has ended.
func (s *Server) Done() <-chan struct{} { return s.done }

// Ended tells whether, and how.
func (s *Server) Ended() error {
	select {
	case <-s.done:
		return fmt.Errorf("the server ended: %s", s.cmd.ProcessState)
	default:
		return nil
	}
}

// ErrKilled says that a server did not end by itself when it was asked to.
var ErrKilled = errors.New("the server did not end when it was asked to, and was killed")

// Stop asks the server to end, and kills it after patience.
func (s *Server) Stop(patience time.Duration) error {
	if s.Ended() != nil {
		return nil
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
		return nil
	case <-time.After(patience):
	}
	// The group has the server too, of which shimrun is only the parent.
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	<-s.done
	return ErrKilled
}

// ExitCode is the exit status of a server that has ended, as a shell has it.
func (s *Server) ExitCode() int {
	status, ok := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return s.cmd.ProcessState.ExitCode()
}

// Lived is how long a server that has ended did run.
func (s *Server) Lived() time.Duration { return s.ended.Sub(s.Begun) }

// CPU is what a server that has ended used, with all the children that it
// waited for. The supervisor, which is nobody's child, is not in it.
func (s *Server) CPU() time.Duration {
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime()
}
