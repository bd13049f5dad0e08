package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// runtimeChild is our own container runtime, running in a process of its own as
// k3s's containerd does.
type runtimeChild struct {
	socket string
	cmd    *exec.Cmd
	stdin  io.Closer // the child ends when it is closed, however we end
}

// startRuntime returns when the runtime answers.
func startRuntime(ctx context.Context, dataDir string, podIP net.IP) (*runtimeChild, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(dataDir, "agent/testcri")
	r := &runtimeChild{socket: filepath.Join(dir, "cri.sock")}
	args := []string{"cri", "--root", dir, "--listen", r.socket, "--until-stdin-ends", "--say-ready"}
	if podIP != nil {
		args = append(args, "--pod-ip", podIP.String())
	}
	r.cmd = exec.Command(self, args...)
	r.cmd.Stderr = os.Stderr
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.cmd.Start(); err != nil {
		return nil, fmt.Errorf("container runtime: %w", err)
	}
	ready := make(chan error, 1)
	go func() {
		line, err := bufio.NewReader(stdout).ReadString('\n')
		if err == nil && strings.TrimSpace(line) != "ready" {
			err = fmt.Errorf("it said %q", line)
		}
		ready <- err
	}()
	select {
	case err = <-ready:
	case <-time.After(time.Minute):
		err = errors.New("it was not ready within a minute")
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		r.stop()
		return nil, fmt.Errorf("container runtime: %w", err)
	}
	return r, nil
}

func (r *runtimeChild) endpoint() string { return "unix://" + r.socket }

// stop ends the runtime, and with it its containers.
func (r *runtimeChild) stop() {
	r.stdin.Close()
	timer := time.AfterFunc(10*time.Second, func() { r.cmd.Process.Kill() })
	defer timer.Stop()
	r.cmd.Wait() // how it ended is in the log
}
