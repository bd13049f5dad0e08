package builtin

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
)

// Mode is the name of this way to run a container.
const Mode = "builtin"

// Options are what a creation takes from its caller.
type Options struct {
	Streams
	// Profile is what the container is told, and Backend how; Asked tells that
	// somebody asked for it.
	Profile []byte
	Backend string
	Asked   bool
	// Strict refuses a container of which something is missing.
	Strict bool
	// NoPivot takes chroot even where pivot_root works.
	NoPivot bool
	// NoNewKeyring leaves the process its caller's session keyring.
	NoNewKeyring bool
	// PidFile gets the process's number, unless empty.
	PidFile string
	// Warn takes what is worth a line of the log, beside what the container lacks.
	Warn func(string)
	// LogFormat and LogLevel are those of the container's own log.
	LogFormat, LogLevel string
}

// StrictError says what a strict container would have lacked.
type StrictError struct{ Lacks []container.Lack }

func (e *StrictError) Error() string {
	var words []string
	for _, lack := range e.Lacks {
		words = append(words, lack.What+" ("+lack.Why+")")
	}
	return "--strict, and the container would lack: " + strings.Join(words, "; ")
}

// Create makes a container of a bundle, up to the moment before its program
// begins. The container that it gives is locked. After an error nothing of it
// is left.
func Create(store container.Store, id string, b *bundle.Bundle, opts Options) (c *container.Container, err error) {
	c, err = store.Create(id)
	if err != nil {
		return nil, err
	}
	c.Bundle, c.Rootfs, c.Mode = b.Dir, trueName(b.Rootfs), Mode
	c.Created = time.Now().UTC()
	c.Annotations = maps.Clone(b.Spec.Annotations)
	c.Profile, c.Backend = opts.Profile, opts.Backend
	if !opts.NoNewKeyring {
		c.Keyring = "_ses." + c.ID // runc's name
	}
	defer func() {
		if err != nil {
			_ = destroy(c, b.Spec.Hooks)
			c = nil
		}
	}()
	if err := c.SaveSpec(b.Spec); err != nil {
		return c, err
	}
	if err := c.Save(); err != nil {
		return c, err
	}
	t, process, err := spawn(assignment{
		Spec:    b.Spec,
		Bundle:  b.Dir,
		Rootfs:  c.Rootfs,
		State:   c.State.Spec(container.Creating),
		Plan:    plan(c, opts.LogFormat, opts.LogLevel),
		Asked:   opts.Asked,
		NoPivot: opts.NoPivot,
		Keyring: c.Keyring,
	}, c, opts.Streams)
	if err != nil {
		return c, err
	}
	defer t.file.Close()
	c.Init = process
	if err := c.Save(); err != nil {
		return c, err
	}
	if err := converse(c, t, b.Spec.Hooks, opts); err != nil {
		return c, err
	}
	if opts.PidFile != "" {
		if err := WritePidFile(opts.PidFile, c.Init.PID); err != nil {
			return c, err
		}
	}
	c.Ready = true
	if err := c.Save(); err != nil {
		return c, err
	}
	return c, t.say(message{Kind: sayGo})
}

// plan is how a container's process is served.
func plan(c *container.Container, format, level string) runtime.Plan {
	return runtime.Plan{
		Backend: c.Backend,
		Profile: c.Profile,
		Log:     runtime.LogPlan{File: c.LogName(), Format: format, Level: level},
		Apart:   true,
	}
}

// converse is our side of a creation.
func converse(c *container.Container, t *talk, hooks *specs.Hooks, opts Options) error {
	for {
		m, err := t.hear()
		if errors.Is(err, errGone) {
			err = fmt.Errorf("the container's process ended while it was made (%s)", describe(waitFor(c.Init.PID)))
		}
		if err != nil {
			return err
		}
		switch m.Kind {
		case sayHooks:
			if m.Supervisor > 0 {
				if c.Supervisor, err = container.Find(m.Supervisor); err != nil {
					return err
				}
			}
			c.Namespaces, c.Around = m.Namespaces, m.Around
			if slices.Contains(c.Namespaces, "mnt") {
				c.MountNamespace = mountNamespace(c.Init.PID)
			}
			if err := c.Save(); err != nil {
				return err
			}
			if hooks == nil {
				break
			}
			//lint:ignore SA1019 deprecated, and still to be run
			if err := runHooks("prestart", hooks.Prestart, c.State.Spec(container.Creating)); err != nil {
				return err
			}
			if err := runHooks("createRuntime", hooks.CreateRuntime, c.State.Spec(container.Creating)); err != nil {
				return err
			}
		case sayMounting:
			c.Mounts = m.Mounts
			if err := c.Save(); err != nil {
				return err
			}
		case sayReady:
			c.Lacks = m.Lacks
			if opts.Strict && len(m.Lacks) > 0 {
				return &StrictError{m.Lacks}
			}
			for _, warning := range m.Warnings {
				opts.Warn(warning)
			}
			return nil
		}
		if err := t.say(message{Kind: sayGo}); err != nil {
			return err
		}
	}
}

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return "signal: " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

// WritePidFile writes a process's number to a file, as a whole.
func WritePidFile(name string, pid int) error {
	if err := os.WriteFile(name+".new", fmt.Appendf(nil, "%d", pid), 0o644); err != nil {
		return fmt.Errorf("pid file: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		_ = os.Remove(name + ".new")
		return fmt.Errorf("pid file: %w", err)
	}
	return nil
}
