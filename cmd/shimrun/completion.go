package main

import (
	"embed"
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
)

// completionVariable is set by the completion scripts when they ask this
// program for candidates.
const completionVariable = "SHIMRUN_COMPLETE"

//go:embed completion
var completionScripts embed.FS

func completionCommand() *cli.Command {
	script := func(shell string) *cli.Command {
		return &cli.Command{
			Name: shell, Usage: "for " + shell,
			Action: func(c *cli.Context) error {
				if err := noArguments(c); err != nil {
					return err
				}
				text, err := completionScripts.ReadFile("completion/shimrun." + shell)
				if err != nil {
					return err
				}
				_, err = c.App.Writer.Write(text)
				return err
			},
		}
	}
	return &cli.Command{
		Name:        "completion",
		Usage:       "print a completion script for a shell",
		Subcommands: []*cli.Command{script("bash"), script("zsh"), script("fish")},
	}
}

// completeRun lists what can stand at the end of `shimrun …`, a line each, for
// the scripts: candidates, ":file" for names of files, and ":command N" where
// COMMAND begins after N words.
func completeRun(c *cli.Context) {
	// The script's own last argument is gone from c, but not from os.Args.
	words := os.Args[:len(os.Args)-1]
	last, previous := words[len(words)-1], words[len(words)-2]

	if c.NArg() <= 1 && strings.HasPrefix(previous, "--") {
		switch strings.TrimPrefix(previous, "--") {
		case "backend":
			fmt.Fprint(c.App.Writer, "auto\nseccomp\nptrace\n")
			return
		case "log-format":
			fmt.Fprint(c.App.Writer, "console\njson\n")
			return
		case "log-level":
			fmt.Fprintln(c.App.Writer, strings.Join(logLevels, "\n"))
			return
		case "log", "stats-file":
			fmt.Fprintln(c.App.Writer, ":file")
			return
		case "profile":
			fmt.Fprintf(c.App.Writer, "auto\nnone\n%s\n:file\n", strings.Join(fakefs.Builtins(), "\n"))
			return
		case "set", "file", "fs", "metrics":
			return
		}
	}
	if strings.HasPrefix(last, "-") && c.NArg() == 0 {
		cli.DefaultCompleteWithFlags(c.Command)(c)
		return
	}
	if c.NArg() <= 1 {
		for _, sub := range c.Command.Subcommands {
			fmt.Fprintln(c.App.Writer, sub.Name)
		}
	}
	fmt.Fprintln(c.App.Writer, ":command", len(words)-max(c.NArg(), 1))
}
