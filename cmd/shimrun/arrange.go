package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/runtime"
)

// keepsOrder are the verbs whose arguments have flags of their own: a program's.
var keepsOrder = []string{"exec", "ps"}

// arrange gives a command line the order in which the library reads it: flags of a
// subcommand before its arguments, wherever they stood, as with kubectl(1). What is
// behind "--" stays there, and what runs a command keeps its order, for flags
// behind that are the command's. A program whose name is a verb's, and that cannot
// be meant as one, gets "--" before it.
func arrange(args []string) []string {
	if namesProgram(args) {
		return slices.Insert(slices.Clone(args), 1, "--")
	}
	at, commands := subcommandAt(args)
	if at == 0 {
		return args
	}
	command := completed{Command: find(commands, args[at])}
	for at+1 < len(args) && command.subcommand(args[at+1]) != nil {
		at++
		command = completed{Command: command.subcommand(args[at])}
	}
	if command.SkipFlagParsing || len(command.Subcommands) > 0 || slices.Contains(keepsOrder, command.Name) {
		return args
	}
	flags, arguments := command.partition(args[at+1:])
	if slices.Contains(flags, "--help") || slices.Contains(flags, "-h") {
		arguments = nil // to the library they would be topics of help
	}
	return slices.Concat(args[:at+1], flags, arguments)
}

// subcommandAt is where a subcommand or verb stands, and among which; 0 where none does.
func subcommandAt(args []string) (int, []*cli.Command) {
	if at := verbAt(args); at > 0 || isRuntimeName(args) {
		return at, ociCommands()
	}
	if all := subcommands(); len(args) > 1 && find(all, args[1]) != nil {
		return 1, all
	}
	return 0, nil
}

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// partition takes a subcommand's words apart. A flag that it does not know goes to
// the flags, for the library to refuse; a negative number is none.
func (c completed) partition(words []string) (flags, arguments []string) {
	for i := 0; i < len(words); i++ {
		word := words[i]
		switch {
		case word == "--":
			return flags, append(arguments, words[i:]...)
		case !isFlag(word) || c.flag(word) == nil && strings.Trim(word, "-0123456789") == "":
			arguments = append(arguments, word)
			continue
		}
		flags = append(flags, word)
		if f := c.flag(word); f != nil && f.TakesValue() && !strings.Contains(word, "=") && i+1 < len(words) {
			i++
			flags = append(flags, words[i])
		}
	}
	return flags, arguments
}

func isFlag(word string) bool { return len(word) > 1 && word[0] == '-' }

// namesProgram tells that the first word is a verb of an OCI runtime and cannot be
// meant as one, while a program of that name can: `shimrun ps -ef`. That is where
// no global flag stands before it, and the verb takes no such flag or needs a
// container that is not named.
func namesProgram(args []string) bool {
	if isRuntimeName(args) || verbAt(args) != 1 {
		return false
	}
	verb := completed{Command: find(ociCommands(), args[1])}
	if verb.SkipFlagParsing {
		return false
	}
	named := 0
	for i := 2; i < len(args); i++ {
		word := args[i]
		if !isFlag(word) || word == "--" {
			named = len(args) - i
			break
		}
		name := strings.TrimLeft(word, "-")
		if name == "h" || name == "help" {
			return false
		}
		f := verb.flag(word)
		if f == nil {
			return isProgram(args[1])
		}
		if f.TakesValue() && !strings.Contains(word, "=") {
			i++
		}
	}
	return named == 0 && strings.HasPrefix(verb.ArgsUsage, "ID") && isProgram(args[1])
}

// isProgram tells whether PATH has a program of this name.
func isProgram(name string) bool {
	_, err := runtime.LookPath(name)
	return err == nil
}
