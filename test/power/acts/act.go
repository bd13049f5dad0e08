// Package acts is a table of things that a program may try in order to get at
// what is not its own: files, folders, processes and mounts, by their names and
// by ways through what a shim serves. It is linked into the victim, which tries
// them, and into the test, which compares what came of it with and without the
// shim.
//
// An act says in one word what it achieved: "done", what it read, or the name
// of the errno that refused it. What it changed is seen by others, see [Scene].
package acts

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// An Act is one thing to try.
type Act struct {
	Name string
	Do   func(*Scene) string
	// Own are the namespaces (CLONE_NEW…) that the act is tried in, in a process
	// of its own. With CLONE_NEWUSER its caller is root there.
	Own uintptr
	// Alone gives the act a process of its own, because what it changes cannot be
	// changed back.
	Alone bool
	// Exact marks an act whose errno tells something that the caller must not
	// learn, such as whether a file exists: it has to be the same one.
	Exact bool
	// Not names callers for whom the act is no question, because they may do it
	// and it would harm the run.
	Not []string
}

// tables are the groups of acts; each file of this package holds one.
var tables = [][]Act{
	nameActs(), wayActs(), descriptorActs, pathDescriptorActs, processActs(), mountActs, ownMountActs,
	identityActs, groupActs, sysctlActs,
}

// All is the whole table, in order.
func All() []Act { return slices.Concat(tables...) }

// Find returns the act of that name.
func Find(name string) (*Act, error) {
	for _, table := range append(tables, EscapeActs) {
		for i := range table {
			if table[i].Name == name {
				return &table[i], nil
			}
		}
	}
	return nil, fmt.Errorf("no act %q", name)
}

// For tells whether the act is a question for a caller.
func (a *Act) For(caller string) bool { return !slices.Contains(a.Not, caller) }

// Refused tells whether an outcome is that nothing was achieved.
func Refused(outcome string) bool {
	return outcome == "hangs" || outcome == "died" || strings.HasPrefix(outcome, "cannot ") || strings.HasPrefix(outcome, "E")
}

// Changed tells whether an act may have changed something, going by its outcome.
// To look is expensive in a sandbox.
func Changed(name, outcome string) bool {
	looks := strings.HasPrefix(name, "oracle/") || strings.HasPrefix(name, "process/") || strings.HasPrefix(name, "supervisor/")
	return !looks && !strings.HasPrefix(outcome, "read ") && (!Refused(outcome) || strings.HasPrefix(outcome, "cannot "))
}

// word is what an error comes to.
func word(err error) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &errno) && unix.ErrnoName(errno) != "":
		return unix.ErrnoName(errno)
	}
	return "E: " + err.Error()
}

// text is what can be read from a descriptor, which is closed.
func text(fd int, err error) string {
	if err != nil {
		return word(err)
	}
	defer unix.Close(fd)
	buf := make([]byte, 200)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return word(err)
	}
	return fmt.Sprintf("read %q", buf[:n])
}

// closed is what an open comes to whose descriptor nobody needs.
func closed(fd int, err error) string {
	if err == nil {
		_ = unix.Close(fd)
	}
	return word(err)
}

// scribble writes to a descriptor, which is closed.
func scribble(s *Scene, fd int, err error) string {
	if err != nil {
		return word(err)
	}
	defer unix.Close(fd)
	_, err = unix.Write(fd, []byte(s.Caller+" was here\n"))
	return word(err)
}
