package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"
	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/internal/share"
	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
	"github.com/shimrun/shimrun/shim"
)

// engineOf is the runtime that a container was delegated to.
func engineOf(c *cli.Context, made *container.Container) delegate.Engine {
	e := delegate.Engine{Container: made}
	for _, name := range []string{"log", "log-format", "rootless"} {
		if c.IsSet(name) {
			e.Flags = append(e.Flags, "--"+name, c.String(name))
		}
	}
	for _, name := range []string{"debug", "systemd-cgroup"} {
		if c.Bool(name) {
			e.Flags = append(e.Flags, "--"+name)
		}
	}
	return e
}

// passOn has the runtime do the verb, with the arguments as they were given.
func passOn(c *cli.Context, made *container.Container) error {
	return engineOf(c, made).Become(os.Args[verbAt(os.Args):]...)
}

// delegateCreation has a runtime create a container, or create and run it. The
// runtime's command is given back only for run, and may still run.
func delegateCreation(c *cli.Context, id string, b *bundle.Bundle, to delegation, verb string) (made *container.Container, running *exec.Cmd, err error) {
	store, err := ociStore(c)
	if err != nil {
		return nil, nil, err
	}
	profile, err := delegatedProfile(c, b.Spec)
	if err != nil {
		return nil, nil, err
	}
	traps, err := trapsOf(profile)
	if err != nil {
		return nil, nil, err
	}
	serves, lacks := delegate.Judge(b.Spec, traps, to.within)
	if !serves {
		traps = nil
	}
	if !asksForProfile(c, b.Spec) {
		lacks = nil
	}
	if c.Bool("strict") && len(lacks) > 0 {
		return nil, nil, &builtin.StrictError{Lacks: lacks}
	}
	if len(traps) == 0 {
		profile = nil
	}
	if made, err = store.Create(id); err != nil {
		return nil, nil, err
	}
	made.Bundle, made.Rootfs, made.Mode, made.Runtime = b.Dir, b.Rootfs, delegate.Mode, to.runtime
	made.Created, made.Annotations, made.Profile = time.Now().UTC(), maps.Clone(b.Spec.Annotations), profile
	made.Backend, made.Within, made.Lacks = c.String("backend"), to.within && profile != nil, lacks
	defer func() {
		if err != nil {
			_, _ = engineOf(c, made).Run("delete", "--force", id)
			err = errors.Join(err, made.Remove())
		}
	}()
	if err := errors.Join(made.SaveSpec(b.Spec), made.Save()); err != nil {
		return made, nil, err
	}
	engine := engineOf(c, made)
	dir, err := engine.Prepare(b, traps)
	if err != nil {
		return made, nil, err
	}
	warnOfLacks(c, made)
	args := []string{verb, "--bundle", dir}
	for _, name := range []string{"console-socket", "pid-file", "preserve-fds"} {
		if c.IsSet(name) {
			args = append(args, "--"+name, c.String(name))
		}
	}
	for _, name := range []string{"no-pivot", "no-new-keyring", "detach", "keep", "no-subreaper"} {
		if c.Bool(name) {
			args = append(args, "--"+name)
		}
	}
	cmd, err := engine.Start(delegatePlan(c, made), preservedFDs(c), append(args, id)...)
	if err != nil {
		return made, nil, err
	}
	if verb == "run" && !c.Bool("detach") {
		made.Ready = true
		return made, cmd, made.Save()
	}
	if err := cmd.Wait(); err != nil {
		return made, nil, &statusError{status: max(cmd.ProcessState.ExitCode(), 1)} // it has said why
	}
	if made.Within && verb == "create" {
		if err := engine.CheckProgram(b.Spec, b.Spec.Process); err != nil {
			return made, nil, err
		}
	}
	made.Ready = true
	return made, nil, made.Save()
}

func delegatePlan(c *cli.Context, made *container.Container) runtime.Plan {
	return runtime.Plan{Profile: made.Profile, Log: runtime.LogPlan{File: made.LogName(), Format: "json", Level: logLevel(c)}}
}

// trapsOf are the calls that a profile needs to be trapped.
func trapsOf(profile []byte) ([]shim.Trap, error) {
	if len(profile) == 0 {
		return nil, nil
	}
	parsed, err := fakefs.Parse("profile", profile)
	if err != nil {
		return nil, err
	}
	tree, err := parsed.Tree(procfs.Machine{})
	if err != nil {
		return nil, err
	}
	policy, err := shim.New(tree, shim.Options{Log: zerolog.Nop(), Foreign: true})
	if err != nil {
		return nil, err
	}
	defer policy.Close()
	return append(policy.Traps(), shim.Always()...), nil
}

func delegateRun(c *cli.Context, id string, to delegation) (int, error) {
	if err := container.CheckID(id); err != nil {
		return 0, err
	}
	b, err := bundle.Load(c.String("bundle"))
	if err != nil {
		return 0, err
	}
	made, cmd, err := delegateCreation(c, id, b, to, "run")
	if err != nil {
		return 0, err
	}
	made.Unlock()
	if cmd == nil {
		return 0, nil
	}
	status := stay(cmd)
	if c.Bool("keep") {
		return status, nil
	}
	again, err := lockContainer(c)
	if errors.Is(err, container.ErrNotExist) {
		return status, nil
	}
	if err != nil {
		return status, err
	}
	_, _ = engineOf(c, again).Run("delete", "--force", id)
	return status, again.Remove()
}

// stay waits for a runtime that stays with its container, and passes signals on.
func stay(cmd *exec.Cmd) int {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals)
	defer signal.Stop(signals)
	go func() {
		for sig := range signals {
			if sig != unix.SIGCHLD && sig != unix.SIGURG {
				_ = cmd.Process.Signal(sig)
			}
		}
	}()
	_ = cmd.Wait()
	if status, ok := cmd.ProcessState.Sys().(interface{ Signaled() bool }); ok && status.Signaled() {
		return 128 + int(unix.SIGKILL)
	}
	return cmd.ProcessState.ExitCode()
}

func delegateExec(c *cli.Context, made *container.Container) (int, error) {
	engine := engineOf(c, made)
	words := os.Args[verbAt(os.Args):]
	if made.Within {
		var err error
		if words, err = wrappedExec(c, engine); err != nil {
			return 0, err
		}
		defer os.Remove(processFile(made))
	}
	cmd, err := engine.Start(delegatePlan(c, made), preservedFDs(c), words...)
	if err != nil {
		return 0, err
	}
	if status := stay(cmd); status != 0 {
		return 0, &statusError{status: status} // it has said why, or it is the process's own
	}
	return 0, nil
}

// delegateUpdate has a runtime change a container's limits, which are those of
// its supervisors too.
func delegateUpdate(c *cli.Context, made *container.Container) error {
	engine := engineOf(c, made)
	cmd, err := engine.Start(runtime.Plan{}, 0, os.Args[verbAt(os.Args):]...)
	if err != nil {
		return err
	}
	if status := stay(cmd); status != 0 {
		return &statusError{status: status} // it has said why
	}
	if _, pid := engine.Status(); pid > 0 {
		return share.Renew(pid)
	}
	return nil
}

// processFile is the process.json that the runtime gets in place of the caller's.
func processFile(made *container.Container) string {
	return filepath.Join(made.Dir(), fmt.Sprintf("process-%d.json", os.Getpid()))
}

// wrappedExec are the words of an exec whose process comes under the shim by
// itself.
func wrappedExec(c *cli.Context, engine delegate.Engine) ([]string, error) {
	made := engine.Container
	spec, err := made.LoadSpec()
	if err != nil {
		return nil, err
	}
	process, err := execProcess(c, made)
	if err != nil {
		return nil, err
	}
	if err := engine.CheckProgram(spec, process); err != nil {
		return nil, err
	}
	if process.Args, err = engine.Wrap(spec, process.Args); err != nil {
		return nil, err
	}
	text, err := json.Marshal(process)
	if err != nil {
		return nil, err
	}
	// A description of the process stands in for all flags that are about it.
	words := []string{"exec", "--process", processFile(made)}
	for _, name := range []string{"console-socket", "pid-file", "preserve-fds"} {
		if c.IsSet(name) {
			words = append(words, "--"+name, c.String(name))
		}
	}
	for _, name := range []string{"detach", "ignore-paused"} {
		if c.Bool(name) {
			words = append(words, "--"+name)
		}
	}
	for _, group := range c.StringSlice("cgroup") {
		words = append(words, "--cgroup", group)
	}
	return append(words, made.ID), os.WriteFile(processFile(made), text, 0o600)
}

func delegateDelete(c *cli.Context, made *container.Container, force bool) error {
	defer made.Unlock()
	engine := engineOf(c, made)
	status, _ := engine.Status()
	if status == container.Creating {
		return fmt.Errorf("cannot delete container %s that is not stopped: %s", made.ID, status)
	}
	args := []string{"delete", made.ID}
	if force {
		args = []string{"delete", "--force", made.ID}
	}
	if _, err := engine.Run("state", made.ID); err == nil {
		if _, err := engine.Run(args...); err != nil {
			return fmt.Errorf("cannot delete container %s that is not stopped: %s (%w)", made.ID, status, err)
		}
	}
	return made.Remove()
}
