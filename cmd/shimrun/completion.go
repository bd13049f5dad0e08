package main

import (
	"embed"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime"
)

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

// executeCompletion answers a shell, and returns the exit status. The words are
// compared with what this program knows, and lead nowhere: no flag is set, no
// file is looked at, no command is looked for.
func executeCompletion(args []string, variable bool, stdout, stderr io.Writer) int {
	words := args
	word := len(words) > 1 && words[len(words)-1] == completionWord
	if word {
		words = words[:len(words)-1]
	}
	for _, line := range candidates(words) {
		fmt.Fprintln(stdout, line)
	}
	if word && variable {
		return 0 // as the scripts ask
	}
	// Whoever wanted something else must not take it for done.
	fmt.Fprintf(stderr, "shimrun: nothing is run where completions are asked for, by the variable %s or the argument %s\n", completionVariable, completionWord)
	return runtime.StatusFailed
}
