package shim

import (
	"os"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// Cgroup namespaces (cgroup_namespaces(7)) of a served unified hierarchy: who has one
// finds its own group where the hierarchy is mounted, and nothing above it. Linux
// shows that in mounts made since; here every name is seen so from then on, for that is
// what a namespace is made for, and what a container's mount would show.

// leavesGroups gives a process a namespace of the served groups, if its unshare(2) asks
// for one. The kernel makes one of its own as well, where it can; the flag that it does not
// know is given back.
func (w *Worker) leavesGroups(c *Call) (unknown uint64) {
	groups := w.shim.tree.Cgroups()
	if groups == nil || c.Args[0]&unix.CLONE_NEWCGROUP == 0 || !w.shim.unified() {
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

// unified tells that the served groups are those of cgroup v2.
func (s *Shim) unified() bool { return s.tree.UnifiedRoot() != "" }

// inside turns a name below the served groups, as a thread means it, into the tree's.
func (s *Shim) inside(tid int, name string) string {
	root := s.tree.UnifiedRoot()
	if !s.spaces.Load() || !isBelow([]byte(name), root) {
		return name
	}
	return root + strings.TrimSuffix(s.spaceOf(tid), "/") + name[len(root):]
}

// outside is the other way round. A name that the thread cannot see stays.
func (s *Shim) outside(tid int, name string) string {
	root := s.tree.UnifiedRoot()
	if !s.spaces.Load() || !isBelow([]byte(name), root) {
		return name
	}
	space := root + strings.TrimSuffix(s.spaceOf(tid), "/")
	if !isBelow([]byte(name), space) {
		return name
	}
	return root + name[len(space):]
}

// spaceOf is the path of the group that a thread sees as the root.
func (s *Shim) spaceOf(tid int) string {
	who, err := statusOf(tid)
	if err != nil {
		return "/"
	}
	return s.tree.Cgroups().Space(who.tgid)
}
