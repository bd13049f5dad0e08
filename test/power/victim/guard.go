package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

// guard makes the scene and runs a command in it. The command may be shimrun;
// the guard never is under it.
func guard(args []string) error {
	flags := flag.NewFlagSet("guard", flag.ExitOnError)
	dir := flags.String("dir", "", "folder of the scene")
	shim := flags.Bool("shim", false, "the command is a shim that serves the rest of the scene")
	tmpfs := flags.Bool("tmpfs", false, "mount a tmpfs on the folder, and make sysctls of namespaces")
	bind := flags.Bool("bind", false, "make the bind mount, which the command cannot make")
	race := flags.Bool("race", false, "the scene is what names race for")
	_ = flags.Parse(args)

	if !*tmpfs {
		// What the run before has left.
		_ = unix.Unmount(filepath.Join(*dir, "bound"), unix.MNT_DETACH)
		if err := os.RemoveAll(*dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(*dir, 0o755); err != nil {
		return err
	}
	if *tmpfs {
		if err := unix.Mount("scene", *dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mount a tmpfs on %s: %w", *dir, err)
		}
	}
	if *race {
		return raceGuard(*dir, flags.Args())
	}
	if err := acts.Build(*dir, *shim); err != nil {
		return err
	}
	sysctls := acts.Told
	if *shim {
		sysctls = acts.Untold
	}
	if *tmpfs {
		if err := acts.Set(sysctls); err != nil {
			return err
		}
	}
	if *bind {
		if err := unix.Mount(filepath.Join(*dir, "source"), filepath.Join(*dir, "bound"), "", unix.MS_BIND, ""); err != nil {
			return err
		}
	}

	if err := command(flags.Args()); err != nil {
		return err
	}
	var faults []string
	if err := acts.Intact(*dir, *shim); err != nil {
		faults = append(faults, "the kernel's own "+err.Error())
	}
	if *tmpfs && *shim {
		for _, other := range acts.Say(sysctls) {
			faults = append(faults, "the kernel's own "+other)
		}
	}
	if len(faults) > 0 {
		say(Line{Faults: faults})
	}
	return nil
}

// command runs a command to its end, however it ends.
func command(args []string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// raceGuard is the guard of a race.
func raceGuard(dir string, args []string) error {
	if err := acts.BuildRace(dir); err != nil {
		return err
	}
	if err := command(args); err != nil {
		return err
	}
	if err := acts.RaceIntact(dir); err != nil {
		say(Line{Faults: []string{"the kernel's own " + err.Error()}})
	}
	return nil
}
