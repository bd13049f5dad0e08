package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/container"
)

// Processes are all processes of a container that can be told from others: those
// in its mount namespace, or without one those that have its root; those that
// its supervisors trace; and the descendants of its first one. What was left by
// a parent that has ended is not found where it can be told by none of these,
// as in a container that shares its root with another one.
func Processes(c *container.Container) []container.Process {
	tracers := map[int]bool{}
	for _, supervisor := range c.Supervisors() {
		tracers[supervisor.PID] = true
	}
	inside := newInside(c)
	all := everyone()
	var found []container.Process
	for pid, p := range all {
		if pid == c.Init.PID && p == c.Init || descends(all, p, c.Init) || tracers[runtime.TracerOf(pid)] || inside.has(pid) {
			found = append(found, p)
		}
	}
	slices.SortFunc(found, func(a, b container.Process) int { return a.PID - b.PID })
	return found
}

// inside tells the processes of a mount namespace, or of a root.
type inside struct{ namespace, root string }

// newInside looks at who else may have the namespace's number: when its last
// process has ended it comes to another one soon. So the root has to be the
// container's as well, and no other container's process may have the number.
func newInside(c *container.Container) inside {
	if c.MountNamespace == "" {
		return ownRoot(c)
	}
	if !c.Init.Alive() {
		for _, other := range c.Others() {
			if other.MountNamespace == c.MountNamespace && other.Init.Alive() {
				return inside{}
			}
		}
	}
	return inside{c.MountNamespace, nameOf(c.Rootfs)}
}

// ownRoot is the root of a container that lives among the runtime's mounts,
// unless it is also that of another one, or the machine's.
func ownRoot(c *container.Container) inside {
	own := nameOf(c.Rootfs)
	if own == "" || own == nameOf("/") {
		return inside{}
	}
	for _, other := range c.Others() {
		if nameOf(other.Rootfs) == own {
			return inside{}
		}
	}
	return inside{root: own}
}

func (i inside) has(pid int) bool {
	return i.root != "" && (i.namespace == "" || mountNamespace(pid) == i.namespace) &&
		nameOf("/proc/"+strconv.Itoa(pid)+"/root") == i.root
}

// mountNamespace is the identity of a process's mount namespace.
func mountNamespace(pid int) string { return nameOf("/proc/" + strconv.Itoa(pid) + "/ns/mnt") }

func everyone() map[int]container.Process {
	all := map[int]container.Process{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		pid, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if p, err := container.Find(pid); err == nil && p.Alive() {
			all[pid] = p
		}
	}
	return all
}

func descends(all map[int]container.Process, p, from container.Process) bool {
	if !from.Alive() {
		return false
	}
	for range len(all) {
		parent := p.Parent()
		if parent == from.PID {
			return true
		}
		next, known := all[parent]
		if !known {
			return false
		}
		p = next
	}
	return false
}

// Kill sends a signal to the container's process, or to all of them.
func Kill(c *container.Container, sig unix.Signal, all bool) error {
	if all {
		// Those that end in between have ended.
		for _, p := range Processes(c) {
			if err := p.Signal(sig); err != nil && err != unix.ESRCH {
				return os.NewSyscallError("kill", err)
			}
		}
		return nil
	}
	switch err := c.Init.Signal(sig); {
	case c.Init.PID == 0, err == unix.ESRCH:
		return ErrNotRunning
	case err != nil:
		return errors.New("unable to signal init: " + err.Error())
	}
	return nil
}

// killAll ends everything of a container, and waits for it.
func killAll(c *container.Container) error {
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		left := Processes(c)
		if len(left) == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("container init still running")
		}
		for _, p := range left {
			_ = p.Signal(unix.SIGKILL)
			// Where it is a child of ours nobody else waits for it.
			_, _ = unix.Wait4(p.PID, nil, unix.WNOHANG, nil)
		}
	}
}
