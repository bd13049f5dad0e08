package main

import (
	"slices"
	"strings"
	"testing"
)

// By a runtime's name there are verbs only, and no command.
func TestCandidatesOfRuntime(t *testing.T) {
	all := candidates([]string{"/usr/bin/runc", "--root", "dir", ""})
	for _, word := range []string{"create", "delete", "checkpoint"} {
		if !slices.Contains(all, word) {
			t.Errorf("%s is no candidate", word)
		}
	}
	for _, line := range []string{"runc ", "runc -- ", "runc -- ls ", "runc ls -l ", "runc create ", "runc exec id ls "} {
		for _, candidate := range candidates(strings.Split(line, " ")) {
			if candidate == "doctor" || strings.HasPrefix(candidate, anyCommand) {
				t.Errorf("%q offers %s", line, candidate)
			}
		}
	}
}

// Whatever the words are, there is an answer.
func FuzzCandidates(f *testing.F) {
	for _, line := range []string{"", "shimrun", "shimrun --", "shimrun -- -", "shimrun --set", "runc --root= --=", "shimrun profile show -", "shimrun --profile=x="} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		for _, candidate := range candidates(strings.Split(line, " ")) {
			if candidate == "" || strings.Contains(candidate, "\n") {
				t.Errorf("%q offers %q", line, candidate)
			}
		}
	})
}
