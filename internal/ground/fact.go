package ground

import (
	"errors"
	"fmt"
	"slices"
)

// Answer is what trying showed.
type Answer string

const (
	// Yes is what a full Linux says to every fact.
	Yes Answer = "yes"
	// No means that the machine lacks it; profiles are matched by that.
	No Answer = "no"
	// Unknown means that it could not be tried here.
	Unknown Answer = "unknown"
)

// A Fact is something that a program may expect of a machine.
type Fact struct {
	// Name is stable: profiles and the JSON of doctor use it.
	Name string
	// Means says in a few words what a Yes stands for.
	Means string
	// try returns what it saw, and nil where the machine has it.
	try func() (detail string, err error)
}

// A Finding is a fact and what trying it showed.
type Finding struct {
	Name   string `json:"name"`
	Means  string `json:"means"`
	Answer Answer `json:"answer"`
	// Detail is what was seen: an error, a value; may be empty.
	Detail string `json:"detail,omitempty"`
}

// errUntried marks an error that says nothing about the machine.
var errUntried = errors.New("could not be tried")

// untried wraps the reason why a fact has no answer.
func untried(cause error) error { return fmt.Errorf("%w: %w", errUntried, cause) }

// Try finds out whether the fact holds.
func (f Fact) Try() Finding {
	finding := Finding{Name: f.Name, Means: f.Means, Answer: Yes}
	detail, err := f.try()
	switch {
	case errors.Is(err, errUntried):
		finding.Answer, finding.Detail = Unknown, err.Error()
	case err != nil:
		finding.Answer, finding.Detail = No, err.Error()
	default:
		finding.Detail = detail
	}
	return finding
}

// Try tries the facts with the given names, each once: those of [Facts], or
// "sysctl:NAME" and "file:PATH" for files that should be there. What is no
// fact is Unknown.
func Try(names ...string) []Finding {
	var findings []Finding
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			continue
		}
		fact, ok := find(name)
		if !ok {
			fact = Fact{name, "", func() (string, error) { return "", untried(errors.New("no such fact")) }}
		}
		findings = append(findings, fact.Try())
	}
	return findings
}

// Lacks are the names of the facts that were answered with No.
func Lacks(findings []Finding) []string {
	var names []string
	for _, f := range findings {
		if f.Answer == No {
			names = append(names, f.Name)
		}
	}
	return names
}
