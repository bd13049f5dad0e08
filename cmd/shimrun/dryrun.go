package main

import (
	"io"
	"strings"

	"github.com/shimrun/shimrun/runtime"
)

// printPlan is --dry-run: what would be done, and why.
func printPlan(w io.Writer, plan runtime.Plan, chosen *choice, added []string) error {
	t := newTable(w)
	t.row("command", quote(plan.Args))
	t.row("executable", plan.Path)
	if len(added) > 0 {
		t.row("added", quote(added), "by the profile; --no-args leaves them out")
	}
	for _, p := range chosen.profiles {
		t.row("profile", p.Name, strings.Join(p.Because, "; "))
	}
	if chosen.profile.Empty() {
		t.row("backend", "none", "there is nothing to tell: the command is executed directly")
		return t.flush()
	}
	backends := probeBackends()
	backend, err := backends.choose(plan.Backend)
	if err != nil {
		return err
	}
	t.row("backend", backend.Name, backends.why(plan.Backend))

	story, err := tell(chosen.profile)
	if err != nil {
		return err
	}
	t.row("traps", strings.Join(story.Traps, " "))
	for _, lie := range story.Lies {
		t.row(lie.Kind, lie.Name, lie.Told, lie.Here, lie.From)
	}
	return t.flush()
}

// quote writes a command so that a shell would read it back.
func quote(command []string) string {
	words := make([]string, len(command))
	for i, word := range command {
		if word == "" || strings.ContainsAny(word, " \t\n'\"\\$&|;<>()*?[]#~`!{}") {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words[i] = word
	}
	return strings.Join(words, " ")
}
