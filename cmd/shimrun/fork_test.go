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
