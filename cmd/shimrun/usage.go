package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/internal/spelling"
)

// onUsageError turns what the flag package says into one line that tells the
// user what to do next. It is the OnUsageError of every command.
func onUsageError(c *cli.Context, err error, _ bool) error {
	return errors.New(explainUsage(c, err.Error()))
}

func explainUsage(c *cli.Context, message string) string {
	// The flag package has no types for its errors, only these texts.
	var (
		unknownFlag  = regexp.MustCompile(`^flag provided but not defined: -+(.*)$`)
		missingValue = regexp.MustCompile(`^flag needs an argument: -+(.*)$`)
		invalidValue = regexp.MustCompile(`^invalid (?:boolean )?value (".*") for (?:flag )?-+([^:]*): (.*)$`)
		// This one is the library's own.
		invalidVariable = regexp.MustCompile(`^could not parse (".*") as .* value from environment variable "([^"]*)" for flag `)
		badSyntax       = regexp.MustCompile(`^bad flag syntax: (.*)$`)
	)
	help := fmt.Sprintf("see %s --help", commandName(c))
	if m := unknownFlag.FindStringSubmatch(message); m != nil {
		if like := cli.SuggestFlag(c.Command.Flags, m[1], false); similar(like, m[1]) {
			return fmt.Sprintf("unknown flag %s; did you mean %s? (%s)", typed(m[1]), like, help)
		}
		return fmt.Sprintf("unknown flag %s; %s", typed(m[1]), help)
	}
	if m := missingValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("flag %s needs a value; %s", typed(m[1]), help)
	}
	if m := invalidVariable.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("the variable %s does not take %s; %s", m[2], m[1], help)
	}
	if m := invalidValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("flag %s does not take %s; %s", typed(m[2]), m[1], help)
	}
	if m := badSyntax.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is not a flag; %s", m[1], help)
	}
	return fmt.Sprintf("%s; %s", message, help)
}

// typed is a flag as it stands in the command line: the library forgets its dashes.
func typed(name string) string {
	for _, word := range os.Args[1:] {
		if word, _, _ = strings.Cut(word, "="); word == "-"+name {
			return word
		}
	}
	return "--" + name
}

// saidBy is what a flag's value came by: its environment variable, or the flag.
func saidBy(c *cli.Context, name string) string {
	for _, f := range c.Command.Flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok || f.Names()[0] != name || slices.ContainsFunc(os.Args, func(word string) bool {
			word, _, _ = strings.Cut(word, "=")
			return word == "-"+name || word == "--"+name
		}) {
			continue
		}
		for _, variable := range doc.GetEnvVars() {
			if os.Getenv(variable) != "" {
				return variable
			}
		}
	}
	return "--" + name
}

// similar keeps the library from suggesting a flag that has nothing to do with
// what was typed: it always finds a nearest one.
func similar(suggestion, typed string) bool {
	name := strings.TrimLeft(suggestion, "-")
	if name == "" || typed == "" {
		return false
	}
	common := 0
	for _, r := range typed {
		if strings.ContainsRune(name, r) {
			common++
		}
	}
	return name[0] == typed[0] && 3*common >= 2*len(typed)
}

// commandName is the command as the user would type it.
func commandName(c *cli.Context) string {
	if name := c.Command.HelpName; name != "" {
		return name
	}
	return c.App.Name
}

// needSubcommand is the action of a command that only has subcommands.
func needSubcommand(c *cli.Context) error {
	var names []string
	for _, sub := range c.Command.Subcommands {
		names = append(names, sub.Name)
	}
	known := fmt.Sprintf("%s takes %s", commandName(c), strings.Join(names, ", "))
	if c.Args().Present() {
		return fmt.Errorf("unknown subcommand %q; %s%s", c.Args().First(), known, spelling.Hint(c.Args().First(), names))
	}
	return fmt.Errorf("no subcommand given; %s", known)
}

// noArguments is for subcommands that take none.
func noArguments(c *cli.Context) error {
	if c.Args().Present() {
		return fmt.Errorf("%s takes no argument %q; to run a program of this name: shimrun -- %s",
			commandName(c), c.Args().First(), strings.Fields(commandName(c))[1])
	}
	return nil
}
