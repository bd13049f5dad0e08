package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
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
		badSyntax    = regexp.MustCompile(`^bad flag syntax: (.*)$`)
	)
	help := fmt.Sprintf("see %s --help", commandName(c))
	if m := unknownFlag.FindStringSubmatch(message); m != nil {
		if like := cli.SuggestFlag(c.Command.Flags, m[1], false); similar(like, m[1]) {
			return fmt.Sprintf("unknown flag --%s; did you mean %s? (%s)", m[1], like, help)
		}
		return fmt.Sprintf("unknown flag --%s; %s", m[1], help)
	}
	if m := missingValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("flag --%s needs a value; %s", m[1], help)
	}
	if m := invalidValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("flag --%s does not take %s; %s", m[2], m[1], help)
	}
	if m := badSyntax.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s is not a flag; %s", m[1], help)
	}
	return fmt.Sprintf("%s; %s", message, help)
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
		return fmt.Errorf("unknown subcommand %q; %s", c.Args().First(), known)
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
