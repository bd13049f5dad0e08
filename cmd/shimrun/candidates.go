package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/shimrun/shimrun/fakefs"
)

// What a line of candidates can be beside a word.
const (
	anyFile = ":file"
	// anyCommand comes with a number: COMMAND begins after so many words.
	anyCommand = ":command"
)

// flagValues are those that flags take, where these are few.
var flagValues = map[string][]string{
	"backend":    {"auto", "seccomp", "ptrace"},
	"cpus":       {"all", "one", "both"},
	"format":     {"table", "json"},
	"log-format": {"console", "json"},
	"log-level":  logLevels,
	"mode":       {"auto", "delegate", "builtin"},
}

// candidates are what can stand in place of the last of the words, the first of
// which is this program's name. The library would parse the words first, and
// begin to do what they say.
func candidates(words []string) []string {
	at := completionRoot(words)
	last, arguments := len(words)-1, 0
	for i := 1; i < last; i++ {
		word := words[i]
		switch {
		case word == "--" && (at.runs || at.Name == validateName):
			return []string{fmt.Sprint(anyCommand, " ", i+1)}
		case len(word) > 1 && word[0] == '-':
			f := at.flag(word)
			if f == nil || !f.TakesValue() || strings.Contains(word, "=") {
				continue
			}
			if i++; i == last {
				return flagCandidates(f)
			}
		case at.subcommand(word) != nil:
			at = completed{Command: at.subcommand(word)}
		case at.runs:
			return []string{fmt.Sprint(anyCommand, " ", i)}
		default:
			arguments++
		}
	}
	if last < 1 {
		return nil
	}
	if name, _, given := strings.Cut(words[last], "="); given && strings.HasPrefix(name, "-") {
		if f := at.flag(name); f != nil {
			return flagCandidates(f)
		}
		return nil
	}
	if strings.HasPrefix(words[last], "-") {
		return at.flagNames()
	}
	var all []string
	if arguments == 0 {
		for _, sub := range at.Subcommands {
			all = append(all, sub.Name)
		}
	}
	if at.runs {
		return append(all, fmt.Sprint(anyCommand, " ", last))
	}
	return append(all, at.argumentCandidates(arguments, last)...)
}

// A completed is the command whose words are completed.
type completed struct {
	*cli.Command
	// runs tells that its arguments may be a command to run.
	runs bool
}

// completionRoot is the whole command line, by the name that it is called by.
func completionRoot(words []string) completed {
	if isRuntimeName(words) {
		return completed{&cli.Command{Flags: append(ociFlags(), cli.HelpFlag, cli.VersionFlag), Subcommands: ociCommands()}, false}
	}
	flags := runFlags()
	for _, f := range ociFlags() {
		if !slices.ContainsFunc(flags, func(known cli.Flag) bool { return known.Names()[0] == f.Names()[0] }) {
			flags = append(flags, f)
		}
	}
	return completed{&cli.Command{Flags: append(flags, cli.HelpFlag, cli.VersionFlag), Subcommands: subcommands()}, true}
}

func (c completed) subcommand(name string) *cli.Command {
	for _, sub := range c.Subcommands {
		if sub.HasName(name) {
			return sub
		}
	}
	return nil
}

// flag finds the flag that a word sets.
func (c completed) flag(word string) cli.DocGenerationFlag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for _, f := range c.Flags {
		if doc, ok := f.(cli.DocGenerationFlag); ok && slices.Contains(f.Names(), name) {
			return doc
		}
	}
	return nil
}

func (c completed) flagNames() []string {
	if c.SkipFlagParsing {
		return nil
	}
	var names []string
	for _, f := range c.Flags {
		if visible, ok := f.(cli.VisibleFlag); !ok || visible.IsVisible() {
			names = append(names, "--"+f.Names()[0])
		}
	}
	if !slices.Contains(names, "--help") {
		names = append(names, "--help")
	}
	return names
}

func flagCandidates(f cli.DocGenerationFlag) []string {
	if values, known := flagValues[f.Names()[0]]; known {
		return values
	}
	_, placeholder, _ := cutPlaceholder(f.GetUsage())
	if placeholder == "NAME|FILE" {
		return append([]string{"auto", "none"}, named(placeholder)...)
	}
	return named(placeholder)
}

// argumentCandidates are those for an argument, of which so many stand before
// it. The word has this place in the line.
func (c completed) argumentCandidates(before, place int) []string {
	usage := strings.Fields(c.ArgsUsage)
	switch {
	case before < len(usage) && usage[before] == "[COMMAND]":
		return []string{fmt.Sprint(anyCommand, " ", place)}
	case before < len(usage):
		return named(usage[before])
	case len(usage) > 0 && strings.HasSuffix(usage[len(usage)-1], "..."):
		return named(usage[len(usage)-1])
	}
	return nil
}

// named are the candidates for what help calls by such a name.
func named(placeholder string) []string {
	if placeholder == "NAME|FILE" {
		return append(fakefs.Builtins(), anyFile)
	}
	for _, file := range []string{"FILE", "DIR", "PATH", "SOCKET", ".json"} {
		if strings.Contains(placeholder, file) {
			return []string{anyFile}
		}
	}
	return nil
}
