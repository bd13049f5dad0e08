package main

import "testing"

// Each subcommand is known to run no command, so that no process is forked in
// vain.
func TestMayRun(t *testing.T) {
	for _, c := range subcommands() {
		for _, name := range c.Names() {
			if mayRun([]string{"shimrun", name, "--help"}) {
				t.Errorf("fork.c does not know %s", name)
			}
		}
	}
	for _, words := range [][]string{
		{"shimrun", "--profile", "none", "--", "doctor"}, {"shimrun", "cat", "/etc/hostname"}, {"shimrun", "--", "run"},
	} {
		if !mayRun(words) {
			t.Errorf("fork.c takes %q for no run", words)
		}
	}
}

// Where a shell asks for completions nothing is forked, and nothing is obeyed.
func TestCompletes(t *testing.T) {
	run := []string{"shimrun", "--", "cat", "x"}
	if completes(run) || completes([]string{"shimrun"}) || completes(nil) {
		t.Error("a run is taken for a question")
	}
	for _, words := range [][]string{
		{"shimrun", completionWord}, {"shimrun", "--", "cat", completionWord}, {"shimrun", completionWord, "cat"},
	} {
		if !completes(words) || mayRun(words) {
			t.Errorf("%q is taken for a run", words)
		}
	}
	for _, value := range []string{"1", "0", ""} {
		t.Setenv(completionVariable, value)
		if !completes(run) || mayRun(run) {
			t.Errorf("with %s=%q a question is taken for a run", completionVariable, value)
		}
	}
}
