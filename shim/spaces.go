package shim

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Cgroup namespaces (cgroup_namespaces(7)) of served hierarchies: who has one
// finds its own group where a hierarchy is mounted, and nothing above it. Linux
// shows that in mounts made since; here every name is seen so from then on, for that is
// what a namespace is made for, and what a container's mount would show.

// leavesGroups gives a process a namespace of the served groups, if its unshare(2) asks
// for one. The kernel makes one of its own as well, where it can; the flag that it does not
// know is given back.
func (w *Worker) leavesGroups(c *Call) (unknown uint64) {
	groups := w.shim.tree.Cgroups()
	if groups == nil || c.Args[0]&unix.CLONE_NEWCGROUP == 0 {
		return 0
	}
	who, err := w.who(c)
	if err != nil || !who.has(unix.CAP_SYS_ADMIN) && kernelHasGroupSpaces() {
		return 0 // EPERM
	}
	if err := groups.Unshare(who.tgid); err != nil {
		return 0
	}
	w.shim.spaces.Store(true)
	w.count.node("cgroups " + groups.Controllers()[0])
	if kernelHasGroupSpaces() {
		return 0
	}
	return unix.CLONE_NEWCGROUP
}

var kernelHasGroupSpaces = sync.OnceValue(func() bool {
	_, err := os.Lstat("/proc/self/ns/cgroup")
	return err == nil
})

// inside turns a name below the served groups, as a thread means it, into the tree's.
func (s *Shim) inside(tid int, name string) string {
	point, hierarchy := s.tree.GroupsAt(name)
	if point == "" || !s.spaces.Load() {
		return name
	}
	return point + s.spaceOf(tid, hierarchy) + name[len(point):]
}

// outside is the other way round. A name that the thread cannot see stays.
func (s *Shim) outside(tid int, name string) string {
	point, hierarchy := s.tree.GroupsAt(name)
	if point == "" || !s.spaces.Load() {
		return name
	}
	space := point + s.spaceOf(tid, hierarchy)
	if !isBelow([]byte(name), space) {
		return name
	}
	return point + name[len(space):]
}

// spaceOf is the path of the group that a thread sees as a hierarchy's root, "" for
// that itself.
func (s *Shim) spaceOf(tid, hierarchy int) string {
	who, err := statusOf(tid)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(s.tree.Cgroups().Space(who.tgid, hierarchy), "/")
}
