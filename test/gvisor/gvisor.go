// Package gvisor runs commands of tests in real gVisor sandboxes.
//
//	Start ──▶ run --hold NAME        holds the sandbox until its standard input ends,
//	  │                              which it does when the test's process ends, in any way
//	  ▼
//	Sandbox.Command ──▶ run --in NAME -- COMMAND      as often as wanted, also at once
//
// The sandbox's root is a 9p file system, as with Docker and Kubernetes, and
// belongs to this sandbox alone.
package gvisor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Names are the gVisors that test/gvisor/install gets: those of Debian 12 and 13.
var Names = []string{"debian12", "debian13"}

// Options is what a sandbox is made from.
type Options struct {
	// Runsc is the gVisor, one of Names; when empty what $RUNSC names, else
	// Debian 12's.
	Runsc string
	// Caps is "all" (when empty) or "docker": Docker's default capabilities.
	Caps string
	// Mounts are 9p mounts besides the root, each DIR or DIR:DEST.
	Mounts []string
	// Cgroups mounts the v1 controllers at /sys/fs/cgroup; not with "docker".
	Cgroups bool
	// Network adds an interface with an address and a default route.
	Network bool
	// Rootfs replaces the cached Debian. It is not changed.
	Rootfs string
}

// Sandbox is a running sandbox.
type Sandbox struct {
	// Name is what `run --in` and `run --stop` call it.
	Name string
}

// runner is the script beside this file.
func runner() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(file), "run")
}

// missing names what a sandbox in that gVisor needs and this machine has not.
func missing(runsc string) []string {
	var names []string
	program, err := exec.Command(runner(), "--which", "--runsc", runsc).Output()
	if err != nil {
		names = append(names, runner()+" (built with -trimpath?)")
	}
	for _, program := range []string{"bash", strings.TrimSpace(string(program)), "ip", "unshare", "setpriv", "pgrep"} {
		if _, err := exec.LookPath(program); err != nil {
			names = append(names, program)
		}
	}
	if os.Geteuid() != 0 {
		names = append(names, "root")
	}
	return names
}

// Require skips the test where no sandbox can be made, naming what is missing.
// Where the environment has CI=true it fails it instead.
func Require(t testing.TB) {
	t.Helper()
	require(t, "")
}

func require(t testing.TB, runsc string) {
	t.Helper()
	names := missing(runsc)
	if len(names) == 0 {
		return
	}
	message := fmt.Sprintf("no gVisor sandbox without %s; see test/gvisor/install", strings.Join(names, ", "))
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
}

var started atomic.Int64

// Start starts a sandbox that is stopped when the test ends. It requires what that
// needs, as Require does.
func Start(t testing.TB, opts Options) *Sandbox {
	t.Helper()
	require(t, opts.Runsc)
	s := &Sandbox{Name: fmt.Sprintf("test-%d-%d", os.Getpid(), started.Add(1))}

	args := []string{"--hold", s.Name}
	if opts.Runsc != "" {
		args = append(args, "--runsc", opts.Runsc)
	}
	if opts.Caps != "" {
		args = append(args, "--caps", opts.Caps)
	}
	for _, mount := range opts.Mounts {
		args = append(args, "--mount", mount)
	}
	if opts.Rootfs != "" {
		args = append(args, "--rootfs", opts.Rootfs)
	}
	if opts.Network {
		args = append(args, "--network")
	}
	if opts.Cgroups {
		args = append(args, "--cgroups")
	}

	hold := exec.Command(runner(), args...)
	// A signal of the terminal is for this process; the runner then sees the
	// end of its input.
	hold.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var stderr bytes.Buffer
	hold.Stderr = &stderr
	stdin, err := hold.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := hold.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := hold.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := hold.Wait(); err != nil && !t.Failed() {
			t.Errorf("end of sandbox %s: %v\n%s", s.Name, err, &stderr)
		}
	})

	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		stdin.Close()
		_ = hold.Wait() // its standard error says more
		t.Fatalf("sandbox %s did not start: %v\n%s", s.Name, err, &stderr)
	}
	return s
}

// Command prepares a command in the sandbox; env is added to its environment.
// When ctx ends, the command gets SIGTERM, and five seconds later its runner is
// killed.
func (s *Sandbox) Command(ctx context.Context, env []string, args ...string) *exec.Cmd {
	run := []string{"--in", s.Name}
	for _, variable := range env {
		run = append(run, "--env", variable)
	}
	cmd := exec.CommandContext(ctx, runner(), append(append(run, "--"), args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// Run runs a command in the sandbox until its end or the test's, and returns
// what it printed and its exit status, which is 128+N after signal N.
func (s *Sandbox) Run(t testing.TB, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	var out, errOut strings.Builder
	cmd := s.Command(t.Context(), nil, args...)
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return out.String(), errOut.String(), cmd.ProcessState.ExitCode()
}
