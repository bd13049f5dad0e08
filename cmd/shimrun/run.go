package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime"
)

// runCommand is `shimrun [flags] COMMAND`.
func runCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return errors.New("no command given; usage: shimrun [flags] [--] COMMAND [ARG...] (see shimrun --help)")
	}
	if err := checkFlags(c); err != nil {
		return err
	}
	if c.Bool("stats") || c.String("stats-file") != "" {
		runtime.StepAside() // somebody has to stay and print them
	}
	chosen, err := choose(c, c.Args().First())
	if err != nil {
		return err
	}
	plan, added, err := makePlan(c, chosen)
	if err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return printPlan(c.App.Writer, plan, chosen, added)
	}
	if len(added) > 0 {
		// Its command line is not what was typed: that is never silent.
		fmt.Fprintf(c.App.ErrWriter, "shimrun: the profile adds %s; --no-args leaves that out\n", quote(added))
	}
	return runtime.Run(plan)
}
