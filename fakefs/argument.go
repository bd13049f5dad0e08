package fakefs

import (
	"slices"
	"strings"
)

// Argument is one that a profile adds to a command; or, with Config, the place of a
// file that settles arguments of the command, too.
type Argument struct {
	Text string
	// Lacks is the probe that has to say no for it to be added; empty means always.
	Lacks string
	// Config is a YAML file whose keys are the command's flags, with a folder of the
	// same name and ".d" behind it for further files. Flags name it on the command line,
	// and the environment variable Environment before all.
	Config      string
	Flags       []string
	Environment string
}

// ArgumentsFor are the arguments that the profile has for a command, those for
// which lacks tells that the machine calls for them, but for those about which
// the command says something itself, or the files that settings reads.
func (p *Profile) ArgumentsFor(command []string, settings func(Argument, []string) []string, lacks func(probe string) bool) (added []string) {
	starts := make([]string, 0, len(p.Arguments))
	for start := range p.Arguments {
		starts = append(starts, start)
	}
	slices.Sort(starts)
	for _, start := range starts {
		if !startsWith(command, strings.Fields(start)) {
			continue
		}
		said := flagsOf(command)
		for _, a := range p.Arguments[start] {
			if a.Config != "" {
				said = append(said, flagsOf(settings(a, command))...)
			}
		}
		for _, a := range p.Arguments[start] {
			if a.Text != "" && !says(said, a.Text) && !slices.Contains(added, a.Text) && (a.Lacks == "" || lacks(a.Lacks)) {
				added = append(added, a.Text)
			}
		}
	}
	return added
}

// flagsOf are the flags on a command line as --NAME and as --NAME=VALUE, where the
// next word may be the value.
func flagsOf(command []string) (flags []string) {
	for i, word := range command {
		if !strings.HasPrefix(word, "-") || word == "-" {
			continue
		}
		if len(word) > 2 {
			word = "--" + strings.TrimLeft(word, "-")
		}
		flags = append(flags, word)
		if i+1 < len(command) && !strings.Contains(word, "=") {
			flags = append(flags, word+"="+command[i+1])
		}
	}
	return flags
}

// says tells whether flags settle already what an argument is about: for
// --snapshotter=native that is any --snapshotter, for
// --kubelet-arg=image-gc-high-threshold=100 any argument with that beginning.
func says(flags []string, argument string) bool {
	about := argument
	if i := strings.LastIndexByte(argument, '='); i >= 0 {
		about = argument[:i]
	}
	return slices.ContainsFunc(flags, func(word string) bool {
		return word == about || strings.HasPrefix(word, about+"=")
	})
}

// startsWith compares the command's base name and its first arguments. Flags may
// stand before these, and the words behind flags, which may be their values.
func startsWith(command, words []string) bool {
	if len(words) == 0 || len(command) < len(words) {
		return false
	}
	base := command[0][strings.LastIndexByte(command[0], '/')+1:]
	if base != words[0] {
		return false
	}
	words = words[1:]
	afterFlag := false
	for _, word := range command[1:] {
		switch {
		case len(words) == 0:
			return true
		case word == words[0]:
			words, afterFlag = words[1:], false
		case strings.HasPrefix(word, "-") && word != "--":
			afterFlag = !strings.Contains(word, "=")
		case afterFlag:
			afterFlag = false
		default:
			return false
		}
	}
	return len(words) == 0
}
