package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

func ociKillCommand() *cli.Command {
	return &cli.Command{
		Name: "kill", Usage: "send a signal (SIGTERM by default) to a container's process", ArgsUsage: "ID [SIGNAL]",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Aliases: []string{"a"}, Usage: "to all processes of the container"}},
		Action: func(c *cli.Context) error {
			if _, err := needArguments(c, 1, 2); err != nil {
				return err
			}
			made, err := openContainer(c)
			if err != nil {
				return err
			}
			sig, err := parseSignal(orDefault(c.Args().Get(1), "SIGTERM"))
			if err != nil {
				return err
			}
			if made.Mode == delegate.Mode {
				return passOn(c, made)
			}
			return builtin.Kill(made, sig, c.Bool("all"))
		},
	}
}

func parseSignal(name string) (unix.Signal, error) {
	if n, err := strconv.Atoi(name); err == nil {
		return unix.Signal(n), nil
	}
	upper := strings.ToUpper(name)
	if !strings.HasPrefix(upper, "SIG") {
		upper = "SIG" + upper
	}
	if sig := unix.SignalNum(upper); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("unknown signal %q", name)
}

func ociDeleteCommand() *cli.Command {
	return &cli.Command{
		Name: "delete", Usage: "delete what a container holds", ArgsUsage: "ID",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "kill it first if it still runs (SIGKILL)"}},
		Action: func(c *cli.Context) error {
			id, err := needID(c)
			if err != nil {
				return err
			}
			force := c.Bool("force")
			store, err := ociStore(c)
			if err != nil {
				return err
			}
			if made, err := store.Open(id); err == nil && force && made.Status() == container.Creating {
				// Its creator holds the lock until it finds its process gone.
				_ = builtin.Kill(made, unix.SIGKILL, false)
			}
			made, err := store.Lock(id)
			switch {
			case errors.Is(err, container.ErrNotExist) && force:
				return nil
			case err != nil:
				return err
			}
			if made.Mode == delegate.Mode {
				return delegateDelete(c, made, force)
			}
			return builtin.Delete(made, force)
		},
	}
}
