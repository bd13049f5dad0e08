package main

import (
	"errors"
	"os"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
)

func ociRunCommand() *cli.Command {
	return &cli.Command{
		Name: "run", Usage: "create and run a container", ArgsUsage: "ID",
		Flags: append(creationFlags(),
			&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "do not wait for its end"},
			&cli.BoolFlag{Name: "keep", Usage: "do not delete the container after its end"},
			&cli.BoolFlag{Name: "no-subreaper", Usage: "accepted; shimrun takes in no orphans"}),
		Action: func(c *cli.Context) error {
			id, err := needID(c)
			if err != nil {
				return err
			}
			status, err := runContainer(c, id)
			if err != nil {
				return failedVerb("run", err)
			}
			if status != 0 {
				return &statusError{status: status}
			}
			return nil
		},
	}
}

func runContainer(c *cli.Context, id string) (status int, err error) {
	if to, err := chooseRuntime(c); err != nil {
		return 0, err
	} else if to.runtime != "" {
		return delegateRun(c, id, to)
	}
	if c.Bool("detach") {
		made, err := create(c, id, true)
		if err != nil {
			return 0, err
		}
		return 0, startNew(made)
	}
	if err := container.CheckID(id); err != nil {
		return 0, err
	}
	b, err := bundle.Load(c.String("bundle"))
	if err != nil {
		return 0, err
	}
	if _, err := consoleSocket(c, b.Spec.Process.Terminal, false); err != nil {
		return 0, err
	}
	var made *container.Container
	status, err = accompany(b.Spec.Process.Terminal, func(console *os.File) (int, error) {
		if made, err = createWith(c, id, b, builtin.Streams{Console: console, Relayed: true, PreserveFDs: preservedFDs(c)}); err != nil {
			return 0, err
		}
		return made.Init.PID, startNew(made)
	})
	if err != nil || c.Bool("keep") {
		return status, err
	}
	again, err := lockContainer(c)
	if errors.Is(err, container.ErrNotExist) {
		return status, nil // somebody was quicker
	}
	if err != nil {
		return status, err
	}
	return status, builtin.Delete(again, true)
}

// startNew starts a container that was just made, and deletes it where that fails.
func startNew(made *container.Container) error {
	err := builtin.Start(made)
	if err == nil {
		made.Unlock()
		return nil
	}
	return errors.Join(err, builtin.Delete(made, true))
}
