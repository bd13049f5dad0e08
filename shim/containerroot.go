package shim

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/shimrun/shimrun/internal/mounts"
	"github.com/shimrun/shimrun/internal/procfs"
)

// Where there are no mount namespaces a container's mounts are in the one table that
// there is. What is in its root is shown to the processes whose root that is, and to
// nobody else: who looks through the root from outside, as containerd does for the
// size of a snapshot, or to remove it, would walk all of /proc otherwise.
//
// mount(2) and umount2(2) find these mounts all the same, for whoever made them takes
// them away from outside.

// ContainerInit is the name under which package runtime/builtin starts the process that
// makes a container and becomes its program.
const ContainerInit = "shimrun-init"

// closeRoot notes the root that such a process takes. That another process may bear
// its name adds no power: it hides mounts that it may make and take away.
func (w *Worker) closeRoot(c *Call, name []byte) {
	v := &w.shim.virtual
	if !v.answers || !v.table.Virtual() {
		return
	}
	cmdline, err := procfs.ReadFile("/proc/" + strconv.Itoa(c.TID) + "/cmdline")
	if first, _, _ := bytes.Cut(cmdline, []byte{0}); err != nil || string(first) != ContainerInit {
		return
	}
	l, ok := w.leadThrough(c, atFDCWD, name, false)
	if !ok || !l.exists || l.logical == "/" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if closed := *v.closed.Load(); !slices.Contains(closed, l.logical) {
		closed = append(slices.Clone(closed), l.logical)
		v.closed.Store(&closed)
	}
}

// closes tells whether a mount is in the root of a container that a process is not in.
func (v *virtualMounts) closes(point string, rootOf func() string) bool {
	for _, root := range *v.closed.Load() {
		if point != root && mounts.Within(point, root) {
			return !mounts.Within(rootOf(), root)
		}
	}
	return false
}

// reopen forgets the roots in which nothing is mounted any more. The caller holds mu.
func (v *virtualMounts) reopen() {
	all := v.table.Mounts()
	closed := slices.DeleteFunc(slices.Clone(*v.closed.Load()), func(root string) bool {
		return !slices.ContainsFunc(all, func(m *mounts.Mount) bool {
			return !m.Kernel && m.Point != root && mounts.Within(m.Point, root)
		})
	})
	v.closed.Store(&closed)
}
