package programs

import (
	"fmt"
	"regexp"
	"strings"
)

// The expectations of the table: each returns what is wrong, or "".

type expectation = func(out string, status int) string

// works: status 0, and every text is there.
func works(texts ...string) expectation {
	return func(out string, status int) string {
		if status != 0 {
			return fmt.Sprintf("status %d", status)
		}
		return has(texts...)(out, status)
	}
}

// fails: a status other than 0, and every text is there.
func fails(texts ...string) expectation {
	return func(out string, status int) string {
		if status == 0 {
			return "it did not fail"
		}
		return has(texts...)(out, status)
	}
}

// has: every text is there, whatever the status.
func has(texts ...string) expectation {
	return func(out string, _ int) string {
		for _, text := range texts {
			if !strings.Contains(out, text) {
				return fmt.Sprintf("no %q", text)
			}
		}
		return ""
	}
}

// hasNot: none of the texts is there.
func hasNot(texts ...string) expectation {
	return func(out string, _ int) string {
		for _, text := range texts {
			if strings.Contains(out, text) {
				return fmt.Sprintf("%q", text)
			}
		}
		return ""
	}
}

// matches: the output has a match of every pattern; ^ and $ mean lines.
func matches(patterns ...string) expectation {
	return func(out string, _ int) string {
		for _, pattern := range patterns {
			if !regexp.MustCompile("(?m)" + pattern).MatchString(out) {
				return fmt.Sprintf("no match of %q", pattern)
			}
		}
		return ""
	}
}

// all of them hold.
func all(expectations ...expectation) expectation {
	return func(out string, status int) string {
		for _, e := range expectations {
			if wrong := e(out, status); wrong != "" {
				return wrong
			}
		}
		return ""
	}
}
