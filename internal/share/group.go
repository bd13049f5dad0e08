package share

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// group is a control group of the hierarchy that has the controller cpu.
type group struct {
	// mount is where the hierarchy is mounted, and path the group in it.
	mount, path string
	// settings are the files that say what share of the processors it has.
	settings []string
}

// file is a file of the group's.
func (g group) file(name string) string { return filepath.Join(g.mount, g.path, name) }

var errNoController = errors.New("no control groups with the controller cpu are mounted")

// groupOf finds the group of a process ("self" for this one).
func groupOf(pid string) (group, error) {
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return group{}, err
	}
	groups, err := os.ReadFile("/proc/" + pid + "/cgroup")
	if err != nil {
		return group{}, err
	}
	return locate(string(mountinfo), string(groups))
}

// locate reads both. A controller is in one hierarchy: in version 2 where none
// of version 1 has it.
func locate(mountinfo, groups string) (group, error) {
	one, two := "", ""
	for line := range strings.Lines(groups) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3) // cgroups(7), "/proc/pid/cgroup"
		switch {
		case len(fields) != 3:
		case slices.Contains(strings.Split(fields[1], ","), "cpu"):
			one = fields[2]
		case fields[0] == "0":
			two = fields[2]
		}
	}
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
		place, kind := strings.Fields(before), strings.Fields(after)
		if len(place) < 5 || len(kind) < 3 {
			continue
		}
		g := group{mount: place[4]}
		switch {
		case one != "" && kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), "cpu"):
			g.path, g.settings = one, []string{"cpu.shares", "cpu.cfs_period_us", "cpu.cfs_quota_us"}
		case one == "" && kind[0] == "cgroup2":
			g.path, g.settings = two, []string{"cpu.weight", "cpu.max"}
		default:
			continue
		}
		// A mount may show a part of the hierarchy only.
		below, found := strings.CutPrefix(g.path, strings.TrimSuffix(place[3], "/"))
		if !found || below != "" && below[0] != '/' || strings.Contains(below, "/../") || strings.HasPrefix(below, "/..") {
			continue
		}
		g.path = path.Clean("/" + below)
		return g, nil
	}
	return group{}, errNoController
}

// copyTo gives another group the same share.
func (g group) copyTo(to group) error {
	for _, name := range g.settings {
		value, err := os.ReadFile(g.file(name))
		if errors.Is(err, os.ErrNotExist) {
			continue // its parent does not hand the controller down: nobody is limited
		}
		if err == nil {
			err = write(to.file(name), string(value))
		}
		if err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// write writes what is there already; os.WriteFile would make a file.
func write(name, value string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
