package shim

import (
	"bytes"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

// Calls that change what names mean: mount, umount2, move_mount, pivot_root,
// chroot, setns. The kernel does them; the shim only forgets what it
// remembered. Until one is seen, all tracees share the supervisor's root and
// mounts, and no call pays for asking.

// settling is how long after a mount call the mounts are looked at again: the
// kernel does the call only after it was let go.
const settling = 500 * time.Millisecond

// mountWatch looks at the supervisor's mounts after a call that may change them.
type mountWatch struct {
	// looking is held by who looks, which may take as long as the server of a
	// filesystem takes; mu, which is taken inside of it, for the times alone.
	looking sync.Mutex
	mu      sync.Mutex
	// since is when the last such call was let go, next when to look again.
	since, next time.Time
	seen        []byte // mountinfo, as the ground was surveyed with it
}

func (w *Worker) changesMounts(c *Call) Answer {
	if w.shim.namespace != nil { // old gVisor has no mount namespaces
		n, e := readlinkat(atFDCWD, append(w.ofTracee(c.TID, "ns/mnt"), 0), w.link[:])
		if e != 0 || string(w.link[:n]) != string(w.shim.namespace) {
			w.shim.passing.namespaces.Store(true)
			// Others may have come into that namespace unseen, by unshare(2): until
			// now there was nothing to see.
			w.shim.departures.epoch.Add(1)
			return Answer{}
		}
	}
	m := &w.shim.mounts
	m.mu.Lock()
	m.since = time.Now()
	m.next = m.since
	w.shim.passing.mounting.Store(true)
	m.mu.Unlock()
	return Answer{}
}

// chroot(2): a directory that only the tree has cannot be a root, and the
// kernel says that it is not there; a file there is no directory.
func (w *Worker) chroot(c *Call) Answer {
	if name, ok := w.readPath(c.Tracee, c.Args[0]); ok && len(name) > 0 {
		if t := w.resolve(c, atFDCWD, name, lookup{real: true}); t.fake() && !t.node.Mode.IsDir() {
			return Answer{Kind: Fail, Errno: unix.ENOTDIR}
		}
		w.closeRoot(c, name)
	}
	return w.changesRoot(c)
}

func (w *Worker) changesRoot(c *Call) Answer {
	w.shim.passing.roots.Store(true)
	w.shim.departures.begin(c.Place)
	return w.changesMounts(c)
}

func (w *Worker) changesNamespace(c *Call) Answer {
	w.shim.passing.namespaces.Store(w.shim.namespace != nil)
	w.shim.passing.roots.Store(true)
	w.shim.departures.begin(c.Place)
	return Answer{}
}

// settle looks at the mounts again while they may be changing: at the first
// call after the one that changes them, and then ever more seldom.
//
// Calls wait until somebody else has looked. Not so where a tracee serves files: the
// look may wait for it, and it for the answer to a call of its own, which goes by what
// was known before.
func (s *Shim) settle() {
	m := &s.mounts
	if s.Serve() {
		if !m.looking.TryLock() {
			return
		}
	} else {
		m.looking.Lock()
	}
	defer m.looking.Unlock()
	if !s.isDue() {
		return
	}
	if is, err := procfs.ReadFile("/proc/self/mountinfo"); err == nil && !bytes.Equal(is, m.seen) {
		var t *territory
		if m.seen != nil {
			t = s.survived(m.seen, is)
		}
		if t == nil {
			t = s.survey()
		}
		m.seen = is
		s.stand(t)
	}
}

// isDue tells whether it is time to look, and says when it will be again.
func (s *Shim) isDue() bool {
	m := &s.mounts
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if now.Before(m.next) {
		return false
	}
	passed := now.Sub(m.since)
	m.next = now.Add(passed)
	if passed > settling {
		s.passing.mounting.Store(false)
	}
	return true
}

// WatchMounts waits for a filesystem to be mounted, by whomever, whose server may be slow,
// and sees to it that no other call waits for it then (MayServe). It is for the backend
// that has one thread for all calls. A kernel that does not tell when mounts change
// (proc_pid_mountinfo(5)) ends it.
func (s *Shim) WatchMounts() {
	fd, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	fd = raise(fd)
	defer unix.Close(fd)
	for !s.Serve() {
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLPRI}}
		if n, err := unix.Poll(p, -1); err == unix.EINTR {
			continue
		} else if err != nil || n == 0 || p[0].Revents&unix.POLLPRI == 0 {
			return
		}
		if slices.ContainsFunc(s.mountsNow(), mayWait) {
			s.MayServe()
		}
	}
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

// mendedMount has an eye on the mount(2) calls that old gVisor gets wrong. What
// the kernel only refuses is tried first, and mended where it was refused
// (finishMount). No kernel with user notification has these faults.
func (w *Worker) mendedMount(c *Call) Answer {
	q, f := &w.shim.quirks, c.Args[3]
	a := w.changesMounts(c)
	switch {
	case !c.Tracee.CanRewrite():
	case q.mountRemount && f&unix.MS_REMOUNT != 0, q.mountPropagation && onlyPropagation(f):
		return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args}
	case f&unix.MS_BIND == 0:
	case q.mountBindLink && w.bindsLink(c, &a):
	case q.mountBindRec && f&unix.MS_REC != 0:
		return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args}
	}
	return a
}

// finishMount answers what old gVisor has refused with EINVAL: a change of
// propagation, and a remount.
func (w *Worker) finishMount(c *Call, result int64) Answer {
	switch {
	case result != -int64(unix.EINVAL):
		return answerOf(result)
	case onlyPropagation(c.Args[3]):
		w.count.node(liePropagation)
		return w.rememberPropagation(c)
	case c.Args[3]&(unix.MS_BIND|unix.MS_REC|unix.MS_REMOUNT) == unix.MS_BIND|unix.MS_REC:
		return w.bindRecursively(c)
	}
	if a := w.remountQuirk(c); a.Kind != Continue {
		return a
	}
	return answerOf(result)
}

func onlyPropagation(flags uint64) bool {
	const propagation = unix.MS_SHARED | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_UNBINDABLE
	return flags&propagation != 0 && flags&^uint64(propagation|unix.MS_REC|unix.MS_SILENT) == 0
}
