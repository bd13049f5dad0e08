package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// sampleTimeout bounds one sample: nothing that is measured takes as long.
const sampleTimeout = 2 * time.Minute

// arguments are the whole command line of a sample that takes so many
// milliseconds.
func (p *place) arguments(s *Scenario, c *Contender, milliseconds int) []string {
	wrap := c.wrap(p)
	if s.Command != nil {
		args := []string{filepath.Join(p.programs, "spawn"), strconv.Itoa(s.Times)}
		return append(append(args, wrap...), s.Command(p)...)
	}
	args := append(wrap, filepath.Join(p.programs, "victim"), s.Operation,
		strconv.Itoa(milliseconds), strconv.Itoa(max(s.Threads, 1)))
	if path, expected := p.name(s, c); path != "" {
		args = append(args, path)
		if expected != "" {
			args = append(args, expected)
		}
	}
	return args
}

// sample measures once, and returns nanoseconds for one operation.
func (p *place) sample(ctx context.Context, s *Scenario, c *Contender, milliseconds int) (float64, error) {
	if s.Server {
		return p.startServer(ctx, c)
	}
	return p.run(ctx, p.arguments(s, c, milliseconds))
}

// run runs a victim or spawn, in whatever it is wrapped.
func (p *place) run(ctx context.Context, args []string) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Env = p.dir, p.env
	// A group of its own: when time is up all of it goes.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return 0, fmt.Errorf("not done within %v: %w", sampleTimeout, ctx.Err())
		}
		if line := lastLine(complaint.Bytes()); line != "" {
			return 0, fmt.Errorf("%w: %s", err, line)
		}
		return 0, err
	}
	return parseSample(out.String())
}

// parseSample reads what victim and spawn print.
func parseSample(text string) (float64, error) {
	fields := strings.Fields(text)
	if len(fields) != 2 {
		return 0, fmt.Errorf("printed %q instead of nanoseconds and operations", text)
	}
	nanoseconds, err := strconv.ParseFloat(fields[0], 64)
	operations, err2 := strconv.ParseFloat(fields[1], 64)
	if err = errors.Join(err, err2); err != nil {
		return 0, err
	}
	if operations < 1 {
		return 0, errors.New("did nothing")
	}
	return nanoseconds / operations, nil
}

// startServer measures the way of a control plane to its readiness, which is
// when the kubeconfig is there, and ends it.
func (p *place) startServer(ctx context.Context, c *Contender) (float64, error) {
	dir, err := os.MkdirTemp(p.dir, "server-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	ready := filepath.Join(dir, "kubeconfig")
	args := append(c.wrap(p), os.Getenv("KUBESERVER"), "server", "--disable-agent",
		"--data-dir", dir, "--write-kubeconfig", ready, "--node-ip", "127.0.0.1")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
			<-ended
		}
	}()
	timeout := time.After(sampleTimeout)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if _, err := os.Stat(ready); err == nil {
				return float64(time.Since(started).Nanoseconds()), nil
			}
		case err := <-ended:
			ended <- err
			return 0, fmt.Errorf("the server ended early (%v): %s", err, lastLine(complaint.Bytes()))
		case <-timeout:
			return 0, fmt.Errorf("the server was not ready within %v: %s", sampleTimeout, lastLine(complaint.Bytes()))
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
