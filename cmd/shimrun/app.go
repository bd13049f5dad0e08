package main

import (
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime"
)

// version and commit are set by the Makefile; a binary of `go install` knows
// its module's version.
var version, commit string

const description = `shimrun starts COMMAND as it stands, intercepts the few system calls that ask
the kernel what it is, and answers those from a profile: files in /proc/sys,
/dev/kmsg, cgroup files, and the types and sources of filesystems. All other
calls go to the real kernel. It is no sandbox: COMMAND can do whatever you can.

Flags end at the first argument that is none, so that COMMAND keeps its own.
A command that is named like one of the subcommands is reached with "--":
"shimrun -- doctor".

The exit status is COMMAND's, 128+N when signal N killed it, 127 when it was
not found, 126 when it could not be executed, and 125 when shimrun itself failed.`

// newApp describes the whole command line.
func newApp(stdout, stderr io.Writer) *cli.App {
	cli.VersionFlag = &cli.BoolFlag{Name: "version", Usage: "print the version"}
	cli.HelpFlag = &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
	cli.VersionPrinter = func(c *cli.Context) { fmt.Fprintln(c.App.Writer, versionText()) }

	cli.FlagStringer = flagHelp

	return &cli.App{
		Name:            "shimrun",
		HelpName:        "shimrun",
		Usage:           "run a program where the kernel that it expects is not there",
		UsageText:       "shimrun [flags] [--] COMMAND [ARG...]\nshimrun SUBCOMMAND",
		Description:     description,
		Version:         buildVersion(),
		Writer:          stdout,
		ErrWriter:       stderr,
		HideHelpCommand: true,
		Flags:           runFlags(),
		Before:          keepCommandName,
		Action:          runCommand,
		Commands:        subcommands(),
		OnUsageError:    onUsageError,
		// Errors are printed in one place, execute.
		ExitErrHandler: func(*cli.Context, error) {},
		// A value may hold commas: --set 'net.ipv4.ip_local_reserved_ports=1,2'.
		DisableSliceFlagSeparator: true,
		// The library's own completion parses the words first; candidates.go does not.
		EnableBashCompletion: false,
	}
}

func subcommands() []*cli.Command {
	commands := []*cli.Command{
		doctorCommand(),
		profileCommand(),
		benchCommand(),
		validateCommand(),
		completionCommand(),
		manCommand(),
		agentCommand(),
	}
	commands = append(commands, ociCommands()...)
	for _, c := range commands {
		finish(c)
	}
	return commands
}

// finish gives a subcommand, and those below it, what all have in common.
func finish(c *cli.Command) {
	c.OnUsageError = onUsageError
	c.HideHelpCommand = true
	if c.Action == nil {
		c.Action = needSubcommand
	}
	for _, sub := range c.Subcommands {
		finish(sub)
	}
}

// keepCommandName makes everything after "--" a command to run, even when it
// is named like a subcommand, and refuses flags that a subcommand would not see.
func keepCommandName(c *cli.Context) error {
	first := len(os.Args) - c.NArg()
	if !c.Args().Present() || first < 2 {
		if c.Args().Present() && c.Command.Command(c.Args().First()) != nil {
			runtime.StepAside() // no run of a command
		}
		return nil
	}
	// The flag package drops the "--" that ended the flags without a word.
	if os.Args[first-1] == "--" {
		c.Command.Subcommands = nil
		return nil
	}
	if name := c.Args().First(); c.Command.Command(name) != nil {
		return fmt.Errorf("flags before %s are for commands to run; its own follow it (see shimrun %[1]s --help), and a program of this name is run by: shimrun %s -- %[1]s",
			name, strings.Join(os.Args[1:first], " "))
	}
	return nil
}

func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}
