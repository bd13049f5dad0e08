package share

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// suffix is what the group of workers is named by, beside the group of those
// whom they work for.
const suffix = ".shimrun"

// Join gives this process the same share of the processors as the group of the
// process pid has, apart from it, until it leaves; all that work for one group
// have one share together. A process that shares a group with this one, or is in
// the hierarchy's root, has no share of its own, and nothing is done.
func Join(pid int) (leave func(), err error) {
	theirs, err := groupOf(strconv.Itoa(pid))
	if err != nil {
		return nil, err
	}
	own, err := groupOf("self")
	if err != nil {
		return nil, err
	}
	if theirs.path == "/" || theirs.path == own.path {
		return func() {}, nil
	}
	beside := theirs
	beside.path += suffix
	// The last that leaves removes the group, which may be now.
	for range 8 {
		if err = beside.enterLike(theirs); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENODEV) {
			break
		}
	}
	if err != nil {
		_ = os.Remove(beside.file(""))
		return nil, err
	}
	return func() {
		if own.enter() != nil {
			_ = group{mount: own.mount, path: "/"}.enter() // its own is gone
		}
		_ = os.Remove(beside.file("")) // fails as long as somebody is in it
	}, nil
}

// Renew gives those who work for a process's group its share as it is now.
func Renew(pid int) error {
	theirs, err := groupOf(strconv.Itoa(pid))
	if err != nil {
		return err
	}
	beside := theirs
	beside.path += suffix
	if _, err := os.Stat(beside.file("")); errors.Is(err, os.ErrNotExist) {
		return nil // nobody does
	}
	return theirs.copyTo(beside)
}

// enterLike makes the group like another one, and has this process enter it.
func (g group) enterLike(other group) error {
	if err := os.Mkdir(g.file(""), 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	if err := other.copyTo(g); err != nil {
		return err
	}
	return g.enter()
}

// enter has this process enter the group, with all its threads.
func (g group) enter() error {
	if err := write(g.file("cgroup.procs"), "0"); err != nil {
		return fmt.Errorf("enter the control group %s: %w", g.path, err)
	}
	return nil
}
