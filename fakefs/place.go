package fakefs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
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
		return brief(p.File)
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
		b.WriteString(": " + brief(e.Subject))
	}
	b.WriteString(": " + brief(e.Cause))
	if e.Allowed != "" {
		b.WriteString(" (allowed: " + e.Allowed + ")")
	}
	return b.String()
}

// mostMistakes are told of one file, and how many more there are.
const mostMistakes = 100

// joinErrors is errors.Join without lists in lists, but keeps a single error as it
// is, so that errors.As finds its type without unwrapping lists. What two profiles
// extend has its mistakes once.
func joinErrors(errs []error) error {
	var flat []error
	seen := map[string]bool{}
	for _, err := range errs {
		if err == nil {
			continue
		}
		parts := []error{err}
		if list, ok := err.(interface{ Unwrap() []error }); ok {
			parts = list.Unwrap()
		}
		for _, part := range parts {
			if text := part.Error(); !seen[text] {
				seen[text] = true
				flat = append(flat, part)
			}
		}
	}
	if n := len(flat); n > mostMistakes {
		flat = append(flat[:mostMistakes], fmt.Errorf("and %d mistakes more", n-mostMistakes))
	}
	if len(flat) == 1 {
		return flat[0]
	}
	return errors.Join(flat...)
}

// briefly is how much is shown of each text that somebody else wrote, in bytes.
const briefly = 500

// brief keeps both ends of a long text, and shows control characters, so that
// neither the length nor the contents of a value can hide what is said about it.
func brief(text string) string {
	if len(text) > briefly {
		head, tail := text[:briefly/2], text[len(text)-briefly/2:]
		text = fmt.Sprintf("%s … %d bytes … %s", strings.ToValidUTF8(head, ""), len(text)-len(head)-len(tail), strings.ToValidUTF8(tail, ""))
	}
	if !strings.ContainsFunc(text, unicode.IsControl) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if unicode.IsControl(r) {
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// quote is a brief text in quotes.
func quote(text string) string { return strconv.Quote(brief(text)) }
