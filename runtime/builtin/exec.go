package builtin

import (
	"errors"
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
)

// ExecOptions are what a further process takes from its caller.
type ExecOptions struct {
	Streams
	Process             *specs.Process
	LogFormat, LogLevel string
	// PidFile gets its number, unless empty.
	PidFile string
}

// ErrExecStopped is for containers whose process has ended.
var ErrExecStopped = errors.New("cannot exec in a stopped container")

// Exec runs a further process in a container. It gives the process, which is
// our child, once its program has begun.
func Exec(c *container.Container, opts ExecOptions) (container.Process, error) {
	none := container.Process{}
	switch c.Status() {
	case container.Stopped:
		return none, ErrExecStopped
	case container.Creating:
		return none, errors.New("cannot exec in a container that is still being created")
	}
	if err := bundle.CheckProcess(opts.Process); err != nil {
		return none, err
	}
	spec, err := c.LoadSpec()
	if err != nil {
		return none, err
	}
	spec.Process = opts.Process
	t, process, err := spawn(assignment{
		Spec:   spec,
		Bundle: c.Bundle,
		Rootfs: c.Rootfs,
		Plan:   plan(c, opts.LogFormat, opts.LogLevel),
		Join:   &join{c.Init, c.Namespaces},
	}, c, opts.Streams)
	if err != nil {
		return none, err
	}
	defer t.file.Close()
	if err := converseExec(t, c, opts, process); err != nil {
		_ = process.Signal(unix.SIGKILL)
		waitFor(process.PID)
		return none, fmt.Errorf("unable to start container process: %w", err)
	}
	return process, nil
}

func converseExec(t *talk, c *container.Container, opts ExecOptions, process container.Process) error {
	m, err := t.expect(sayReady)
	if errors.Is(err, errGone) {
		return errors.New("it ended before it began")
	}
	if err != nil {
		return err
	}
	if m.Supervisor > 0 {
		supervisor, err := container.Find(m.Supervisor)
		if err == nil {
			err = c.AddSupervisor(supervisor)
		}
		if err != nil {
			return err
		}
	}
	if opts.PidFile != "" {
		if err := WritePidFile(opts.PidFile, process.PID); err != nil {
			return err
		}
	}
	if err := t.say(message{Kind: sayGo}); err != nil {
		return err
	}
	// Its end of the socket is closed by its execve.
	if _, err := t.hear(); !errors.Is(err, errGone) {
		return err
	}
	return nil
}

// Process is the description of a process like the container's own, to be
// changed.
func Process(c *container.Container) (*specs.Process, error) {
	spec, err := c.LoadSpec()
	if err != nil {
		return nil, err
	}
	p := *spec.Process
	p.Args, p.Terminal, p.ConsoleSize = nil, false, nil
	return &p, nil
}

// AddCapabilities adds capabilities to those that a process is to have, by the
// names that users type.
func AddCapabilities(p *specs.Process, names []string) error {
	names, err := parseCapabilities(names)
	if err != nil {
		return err
	}
	if p.Capabilities == nil {
		p.Capabilities = &specs.LinuxCapabilities{}
	}
	caps := *p.Capabilities
	for _, set := range []*[]string{&caps.Bounding, &caps.Effective, &caps.Permitted, &caps.Inheritable, &caps.Ambient} {
		all := slices.Clone(*set)
		for _, name := range names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
		*set = all
	}
	p.Capabilities = &caps
	return nil
}
