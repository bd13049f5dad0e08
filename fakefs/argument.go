package fakefs

import (
	"slices"
	"strings"
)

// Argument is one that a profile adds to a command.
type Argument struct {
	Text string
	// Lacks is the probe that has to say no for it to be added; empty means always.
	Lacks string
}

// ArgumentsFor are the arguments that the profile has for a command, those for
// which lacks tells that the machine calls for them, but for those about which
// the command says something itself.
func (p *Profile) ArgumentsFor(command []string, lacks func(probe string) bool) (added []string) {
	starts := make([]string, 0, len(p.Arguments))
	for start := range p.Arguments {
		starts = append(starts, start)
	}
	slices.Sort(starts)
	for _, start := range starts {
		if !startsWith(command, strings.Fields(start)) {
			continue
		}
		for _, a := range p.Arguments[start] {
			if !says(command, a.Text) && !slices.Contains(added, a.Text) && (a.Lacks == "" || lacks(a.Lacks)) {
				added = append(added, a.Text)
			}
		}
	}
	return added
}

// says tells whether a command settles already what an argument is about: for
// --snapshotter=native that is any --snapshotter, for
// --kubelet-arg=image-gc-high-threshold=100 any argument with that beginning.
func says(command []string, argument string) bool {
	about := argument
	if i := strings.LastIndexByte(argument, '='); i >= 0 {
		about = argument[:i]
	}
	return slices.ContainsFunc(command, func(word string) bool {
		return word == about || strings.HasPrefix(word, about+"=")
	})
}

// startsWith compares the command's base name and its first arguments.
func startsWith(command, words []string) bool {
	if len(words) == 0 || len(command) < len(words) {
		return false
	}
	base := command[0][strings.LastIndexByte(command[0], '/')+1:]
	return base == words[0] && slices.Equal(command[1:len(words)], words[1:])
}
