package fakefs

import (
	"errors"
	"fmt"
	"strings"
)

// Place is where a profile says something: for messages, and to know which
// profile may overrule which.
type Place struct {
	// Profile is the name of the profile; File the file or flag that it came
	// from; Line and Column count from 1, and are 0 for flags.
	Profile      string
	File         string
	Line, Column int
}

// String is "file:line:column", or just the flag.
func (p Place) String() string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// ProfileError is one mistake in a profile: where it stands, what it is about,
// what is wrong, and what would be right.
type ProfileError struct {
	At Place
	// Subject is the setting, such as "sysctls kernel.panic"; may be empty.
	Subject string
	// Cause says what is wrong; Allowed what would be right, may be empty.
	Cause   string
	Allowed string
}

func (e *ProfileError) Error() string {
	var b strings.Builder
	b.WriteString(e.At.String())
	if e.Subject != "" {
		b.WriteString(": " + e.Subject)
	}
	b.WriteString(": " + e.Cause)
	if e.Allowed != "" {
		b.WriteString(" (allowed: " + e.Allowed + ")")
	}
	return b.String()
}

// joinErrors is errors.Join, but keeps a single error as it is, so that
// errors.As finds its type without unwrapping lists.
func joinErrors(errs []error) error {
	if len(errs) == 1 {
		return errs[0]
	}
	return errors.Join(errs...)
}
