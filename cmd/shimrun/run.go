package main

import (
	"errors"
	"fmt"

	"github.com/urfave/cli/v2"
)

// runCommand is `shimrun [flags] COMMAND`.
func runCommand(c *cli.Context) error {
	if !c.Args().Present() {
		return fmt.Errorf("no command given; usage: shimrun [flags] [--] COMMAND [ARG...] (see shimrun --help)")
	}
	return errors.New("this build has no backend yet and cannot run commands")
}
