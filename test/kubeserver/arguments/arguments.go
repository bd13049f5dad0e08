// Package arguments puts command lines together: our own flags for a component,
// and what the user says after --kubelet-arg and its kin.
package arguments

import (
	"fmt"
	"slices"
	"strings"
)

// Set holds one component's flags, by name without dashes.
type Set map[string][]string

// Merge adds the user's arguments: NAME=VALUE, or NAME alone for a switch, with
// or without dashes in front. They replace ours, and a flag that is given twice
// is passed twice.
func (s Set) Merge(extra []string) error {
	seen := map[string]bool{}
	for _, arg := range extra {
		name, value, ok := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if name == "" {
			return fmt.Errorf("%q is no argument; write NAME=VALUE", arg)
		}
		if !ok {
			value = "true"
		}
		if !seen[name] {
			s[name] = nil
			seen[name] = true
		}
		s[name] = append(s[name], value)
	}
	return nil
}

// List is the command line, in the order of the names so that logs compare.
func (s Set) List() []string {
	var list []string
	for name, values := range s {
		for _, value := range values {
			list = append(list, "--"+name+"="+value)
		}
	}
	// Stable, because a flag's values keep their order.
	slices.SortStableFunc(list, func(x, y string) int {
		x, _, _ = strings.Cut(x, "=")
		y, _, _ = strings.Cut(y, "=")
		return strings.Compare(x, y)
	})
	return list
}
