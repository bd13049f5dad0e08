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
	// Strict refuses a process of which something is missing.
	Strict bool
	// Warn takes what is worth a line of the log: what the process lacks and the
	// container's own does not, and what it asks for in vain.
	Warn func(string)
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
	spec.Process = inherit(*opts.Process, spec.Process)
	t, process, err := spawn(assignment{
		Spec:    spec,
		Bundle:  c.Bundle,
		Rootfs:  c.Rootfs,
		Plan:    plan(c, opts.LogFormat, opts.LogLevel),
		Join:    &join{c.Init, c.Namespaces},
		Keyring: c.Keyring,
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
	if opts.Strict && len(m.Lacks) > 0 {
		return &StrictError{m.Lacks}
	}
	for _, lack := range m.Lacks {
		if !slices.ContainsFunc(c.Lacks, func(known container.Lack) bool { return known.What == lack.What }) {
			opts.Warn(fmt.Sprintf("the process lacks %s (%s)", lack.What, lack.Why))
		}
	}
	for _, warning := range m.Warnings {
		opts.Warn(warning)
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

// inherit gives a process that a process.json describes what that leaves to the
// container, as runc does: a description that says nothing of limits or of
// security modules does not lift them.
func inherit(p specs.Process, from *specs.Process) *specs.Process {
	if p.Capabilities == nil {
		p.Capabilities = from.Capabilities
	}
	if p.ApparmorProfile == "" {
		p.ApparmorProfile = from.ApparmorProfile
	}
	if p.SelinuxLabel == "" {
		p.SelinuxLabel = from.SelinuxLabel
	}
	if len(p.Rlimits) == 0 {
		p.Rlimits = from.Rlimits
	}
	if p.IOPriority == nil {
		p.IOPriority = from.IOPriority
	}
	if p.Scheduler == nil {
		p.Scheduler = from.Scheduler
	}
	return &p
}

// AddCapabilities adds capabilities to those that a process can have, by the
// names that users type. Inheritable they do not become, for a user who is not
// root would keep them in every program then (CVE-2022-29162 of runc); and
// ambient only where the container's own process has them inheritable.
func AddCapabilities(p *specs.Process, names []string) error {
	names, err := parseCapabilities(names)
	if err != nil {
		return err
	}
	if p.Capabilities == nil {
		p.Capabilities = &specs.LinuxCapabilities{}
	}
	caps := *p.Capabilities
	for _, set := range []*[]string{&caps.Bounding, &caps.Effective, &caps.Permitted} {
		*set = union(*set, names)
	}
	caps.Ambient = union(caps.Ambient, slices.DeleteFunc(names, func(name string) bool {
		return !slices.Contains(caps.Inheritable, name)
	}))
	p.Capabilities = &caps
	return nil
}

// union is a list with what it lacks of another one.
func union(list, more []string) []string {
	all := slices.Clone(list)
	for _, name := range more {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
