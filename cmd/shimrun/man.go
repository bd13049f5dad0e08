package main

import (
	_ "embed"

	"github.com/urfave/cli/v2"
)

// manual is what the CLI library makes of [newApp]. It is kept beside the code
// because that part of the library takes half a millisecond to initialise, at
// every start: the Makefile builds without it (urfave_cli_no_docs). The test
// TestManual holds it against the code, and with -update writes it anew.
//
//go:embed shimrun.1
var manual string

func manCommand() *cli.Command {
	return &cli.Command{
		Name:  "man",
		Usage: "print the manual page, to be read with man -l -",
		Action: func(c *cli.Context) error {
			if err := noArguments(c); err != nil {
				return err
			}
			_, err := c.App.Writer.Write([]byte(manual))
			return err
		},
	}
}
