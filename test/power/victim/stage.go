package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

// stage has acts tried one after the other.
func stage(args []string) error {
	flags := flag.NewFlagSet("stage", flag.ExitOnError)
	var s set
	flags.StringVar(&s.Dir, "dir", "", "folder of the scene")
	flags.StringVar(&s.Host, "host", "", "the same outside of the container")
	flags.StringVar(&s.Caller, "caller", "", "who tries")
	flags.BoolVar(&s.shim, "shim", false, "under a shim that serves the rest of the scene")
	flags.BoolVar(&s.sysctls, "sysctls", false, "sysctls are told")
	flags.DurationVar(&s.patience, "patience", 3*time.Second, "how long an act may take")
	_ = flags.Parse(args)
	syscall.Umask(0)

	if err := s.furnish(); err != nil {
		return err
	}
	for _, name := range flags.Args() {
		say(Line{Start: name})
		line := Line{Act: name, Outcome: s.try(name)}
		if acts.Changed(name, line.Outcome) {
			line.Changes = s.changes()
		}
		say(line)
	}
	// What was refused, and was done all the same.
	say(Line{Act: "afterwards", Outcome: "done", Changes: s.changes()})
	s.actor.end()
	say(Line{Done: true})
	return nil
}

// set is a scene under way.
type set struct {
	acts.Scene
	shim, sysctls bool
	patience      time.Duration
	actor         *conversation
}

func (s *set) changes() []string {
	changes := acts.Changes(s.Dir, s.shim)
	if _, err := os.Stat(filepath.Join(s.Dir, "bound/private")); err != nil {
		changes = append(changes, "bound is not bound")
		if err := s.bind(); err != nil {
			changes = append(changes, err.Error())
		}
	}
	if s.sysctls {
		if others := acts.Say(acts.Told); len(others) > 0 {
			changes = append(changes, others...)
			if err := acts.Set(acts.Told); err != nil {
				changes = append(changes, err.Error())
			}
		}
	}
	return changes
}

// furnish makes what is made under the shim, and looks for the processes that
// things are tried with.
func (s *set) furnish() error {
	if _, err := os.Stat(filepath.Join(s.Dir, "bound/private")); err != nil {
		if err := s.bind(); err != nil {
			return err
		}
	}
	if s.shim {
		if err := os.Mkdir(filepath.Join(s.Dir, "cgroup/memory/kept"), 0o755); err != nil {
			return err
		}
	}
	if changes := s.changes(); len(changes) > 0 {
		return fmt.Errorf("from the beginning %s", strings.Join(changes, ", "))
	}
	var err error
	if s.Target, err = sleeper(); err != nil {
		return err
	}
	if s.Supervisor = supervisor(); s.Supervisor == 0 {
		s.Supervisor, err = sleeper()
	}
	return err
}

// bind makes the bind mount. Where root may not, a link leads to what would be
// mounted, and nearly all is the same.
func (s *set) bind() error {
	bound, source := filepath.Join(s.Dir, "bound"), filepath.Join(s.Dir, "source")
	err := unix.Mount(source, bound, "", unix.MS_BIND, "")
	if errors.Is(err, unix.EPERM) {
		err = errors.Join(os.Remove(bound), os.Symlink(source, bound))
	}
	return err
}

// sleeper starts a process that does nothing.
func sleeper() (int, error) {
	cmd := exec.Command(os.Args[0], "sleep")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	return cmd.Process.Pid, nil
}

// supervisor is the process of the shim, as far as it is seen, else 0.
func supervisor() int {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		if comm, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(comm), "shimrun-superv") {
			var pid int
			_, _ = fmt.Sscanf(name, "/proc/%d/comm", &pid)
			return pid
		}
	}
	return 0
}

// try has the actor try an act. One that hangs or dies is replaced.
func (s *set) try(name string) string {
	if s.actor == nil {
		var err error
		if s.actor, err = converse(&s.Scene); err != nil {
			return "no actor: " + err.Error()
		}
	}
	outcome, err := s.actor.ask(name, s.patience)
	if err == nil {
		return outcome
	}
	s.actor.end()
	s.actor = nil
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return "hangs"
	}
	return "died"
}
