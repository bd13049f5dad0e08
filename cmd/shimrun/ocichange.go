package main

import (
	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime/builtin"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/runtime/delegate"
)

// Verbs that act on a container's control groups, of which mode builtin has but limits.

func ociPauseCommand() *cli.Command {
	return groupCommand("pause", "suspend all processes of a container", nil)
}

func ociResumeCommand() *cli.Command {
	return groupCommand("resume", "resume all processes of a paused container", nil)
}

func ociUpdateCommand() *cli.Command {
	flags := []cli.Flag{&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Usage: "read what is to change from `FILE`, or - for standard input"}}
	for _, name := range []string{"blkio-weight", "cpu-period", "cpu-quota", "cpu-burst", "cpu-share", "cpu-rt-period", "cpu-rt-runtime",
		"cpuset-cpus", "cpuset-mems", "memory", "memory-reservation", "memory-swap", "pids-limit", "l3-cache-schema", "mem-bw-schema"} {
		flags = append(flags, &cli.StringFlag{Name: name, Usage: "as for runc (`VALUE`)"})
	}
	return groupCommand("update", "change a container's limits", flags)
}

func ociEventsCommand() *cli.Command {
	return groupCommand("events", "print a container's events and figures (mode delegate)", []cli.Flag{
		&cli.StringFlag{Name: "interval", Value: "5s", Usage: "time between figures (`DURATION`)"},
		&cli.BoolFlag{Name: "stats", Usage: "print figures once"},
	})
}

func groupCommand(name, usage string, flags []cli.Flag) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage, ArgsUsage: "ID", Flags: flags,
		Action: func(c *cli.Context) error {
			if _, err := needID(c); err != nil {
				return err
			}
			made, err := openContainer(c)
			if err != nil {
				return err
			}
			switch {
			case made.Mode == delegate.Mode && name == "update":
				return delegateUpdate(c, made)
			case made.Mode == delegate.Mode:
				return passOn(c, made)
			}
			if made.Status() == container.Stopped {
				return builtin.ErrNotRunning
			}
			if name == "update" {
				return builtinUpdate(c, made)
			}
			return unsupported(name+" in mode builtin", "nothing watches over such a container")
		},
	}
}

// missingCommand is a verb of runc's that shimrun has not. It is a verb all the
// same, and no program of the machine's.
func missingCommand(name, usage string) *cli.Command {
	return &cli.Command{
		Name: name, Usage: usage + " (not supported)", ArgsUsage: "ID",
		SkipFlagParsing: true,
		Action: func(*cli.Context) error {
			return unsupported(name, "no mode of shimrun can save and restore the shim with a container")
		},
	}
}
