package shim

import (
	"bytes"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
)

// Most mounts have nothing to do with names that are served: those in the root of a
// container, which are dozens for each. A survey looks at every name of the tree, so after
// such ones only what they add is looked at.

// survived is what a survey would find after mountinfo has changed from was to is, made of
// the territory that stands. It is nil where that takes a survey.
func (s *Shim) survived(was, is []byte) *territory {
	gone, errGone := differing(was, is)
	added, errAdded := differing(is, was)
	if errGone != nil || errAdded != nil || s.matters(gone) || s.matters(added) {
		return nil
	}
	now, err := mountinfo.GetMountsFromReader(bytes.NewReader(is), nil)
	if err != nil {
		return nil
	}
	t := s.ground.Load().clone()
	t.disks = disksOf(now) // a number is given to another one when its filesystem is gone
	// What a procfs or sysfs that is gone has left is found by nobody.
	added = slices.DeleteFunc(added, func(m *mountinfo.Info) bool { return m.FSType != "proc" && m.FSType != "sysfs" })
	if len(added) == 0 {
		return t
	}
	s.claimMounts(t, s.tree.Roots(), added)
	for _, n := range s.tree.Named() {
		if n.Pattern != "" && t.standsBefore(n) {
			t.layOver(n)
		}
	}
	return t
}

// matters tells whether one of these mounts is on the way to a name that is served, or
// below a root of those, or may keep waiting who looks at it.
func (s *Shim) matters(mounts []*mountinfo.Info) bool {
	roots := s.tree.Roots()
	return slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool {
		return mayWait(m) || m.Mountpoint == "/" || slices.ContainsFunc(roots, func(root string) bool {
			return isBelow([]byte(m.Mountpoint), root) || isBelow([]byte(root), m.Mountpoint)
		})
	})
}

// differing are the mounts of one table that are not in another.
func differing(table, other []byte) ([]*mountinfo.Info, error) {
	there := map[string]bool{}
	for line := range bytes.Lines(other) {
		there[string(line)] = true
	}
	var text strings.Builder
	for line := range bytes.Lines(table) {
		if !there[string(line)] {
			text.Write(line)
		}
	}
	return mountinfo.GetMountsFromReader(strings.NewReader(text.String()), nil)
}
