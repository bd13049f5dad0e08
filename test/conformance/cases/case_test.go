package cases

import (
	"regexp"
	"strings"
	"testing"
)

// TestTable holds the table's form: names that a command line and a document can
// use, calls by name, and an expectation where the row states its own.
func TestTable(t *testing.T) {
	word := regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
	seen := map[string]bool{}
	for _, c := range All() {
		if seen[c.Name] {
			t.Errorf("%s: twice", c.Name)
		}
		seen[c.Name] = true
		if !regexp.MustCompile(`^[a-z0-9]+/[a-z0-9-]+$`).MatchString(c.Name) {
			t.Errorf("%q is no name", c.Name)
		}
		calls := strings.Fields(c.Calls)
		if len(calls) == 0 {
			t.Errorf("%s: about no call", c.Name)
		}
		for _, call := range calls {
			if !word.MatchString(call) {
				t.Errorf("%s: %q is no system call", c.Name, call)
			}
		}
		if (c.Like == Stated) != (len(c.Want) > 0) {
			t.Errorf("%s: states %d lines", c.Name, len(c.Want))
		}
		for ground, reason := range c.Not {
			if reason == "" {
				t.Errorf("%s: not on %s, without a reason", c.Name, ground)
			}
		}
	}
}
