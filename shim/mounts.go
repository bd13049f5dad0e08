package shim

import (
	"time"

	"golang.org/x/sys/unix"
)

// Calls that change what names mean: mount, umount2, move_mount, pivot_root,
// chroot, setns. The kernel does them; the shim only forgets what it
// remembered. Until one is seen, all tracees share the supervisor's root and
// mounts, and no call pays for asking.

// settling is how long after a mount call the ground is surveyed anew at every
// call: the kernel does the call only after it was let go.
const settling = 500 * time.Millisecond

func (w *Worker) changesMounts(c *Call) Answer {
	n, e := readlinkat(atFDCWD, append(w.ofTracee(c.TID, "ns/mnt"), 0), w.link[:])
	if e != 0 || string(w.link[:n]) != string(w.shim.namespace) {
		w.shim.namespaces.Store(true)
	} else {
		w.shim.unsettled.Store(time.Now().Add(settling).UnixNano())
	}
	return Answer{}
}

func (w *Worker) changesRoot(c *Call) Answer {
	w.shim.roots.Store(true)
	return w.changesMounts(c)
}

func (w *Worker) changesNamespace(c *Call) Answer {
	w.shim.namespaces.Store(true)
	w.shim.roots.Store(true)
	return Answer{}
}

// settle surveys the ground again while mounts may be changing.
func (s *Shim) settle(*Call) {
	until := s.unsettled.Load()
	if until == 0 {
		return
	}
	if time.Now().UnixNano() > until {
		s.unsettled.CompareAndSwap(until, 0)
	}
	s.ground.Store(s.survey())
}

// fixed answers a call with the errno that the profile declares, or with 0.
func fixed(errno unix.Errno, lie string) handler {
	return func(w *Worker, c *Call) Answer {
		w.count.node(lie)
		if errno == 0 {
			return Answer{Kind: Return}
		}
		return Answer{Kind: Fail, Errno: errno}
	}
}

// mountPropagation answers mount(2) calls that only change propagation, which
// old gVisor refuses with EINVAL; all others are the kernel's.
func (w *Worker) mountPropagation(c *Call) Answer {
	const propagation = unix.MS_SHARED | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_UNBINDABLE
	if f := c.Args[3]; f&propagation != 0 && f&^uint64(propagation|unix.MS_REC|unix.MS_SILENT) == 0 {
		w.count.node(liePropagation)
		return Answer{Kind: Return}
	}
	return w.changesMounts(c)
}
