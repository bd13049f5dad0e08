package shim

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// whereabouts is where the thread that made the call at hand is, as far as anybody has
// asked: which root, which mount namespace, and who it is. While a handler is at work the
// thread waits in its call, and where another thread that shares its root changes that, the
// call may be answered for the one before. In gVisor each look costs as much as the call.
type whereabouts struct {
	tid   int    // 0 between calls: then nothing is kept
	place *Place // what is kept longer; nil where nothing is

	rootRead, rootKnown bool
	root                string

	identityRead bool
	identity     identity
	identityErr  unix.Errno

	namespaceRead bool
	namespace     namespaceOf

	status status // its tid is 0 until it was read
}

// about is where a thread is: what is asked of any other than the caller is kept nowhere.
func (w *Worker) about(tid int) *whereabouts {
	if w.at.tid == tid {
		return &w.at
	}
	return &whereabouts{}
}

// namespaceOf is whose mount namespace a thread is in.
type namespaceOf uint8

const (
	ofUnknown namespaceOf = iota // the supervisor may not look
	ofSupervisor
	ofAnother
)

// rootOf is the tracee's root directory, as the supervisor names it. It is not known
// where the supervisor may not look.
func (w *Worker) rootOf(tid int) (root string, known bool) {
	if !w.shim.passing.roots.Load() {
		return "/", true
	}
	at := w.about(tid)
	if at.place != nil && at.place.common {
		return "/", true
	}
	if !at.rootRead {
		at.rootRead, at.root = true, "/"
		n, e := readlinkat(atFDCWD, append(w.ofTracee(tid, "root"), 0), w.link[:])
		if at.rootKnown = e == 0 && n > 0 && w.link[0] == '/'; at.rootKnown && n > 1 {
			at.root = string(w.link[:n])
		}
		if at.place != nil {
			at.place.common = at.rootKnown && at.root == "/"
		}
	}
	return at.root, at.rootKnown
}

// otherRoot is the caller's root as it is, or was not long ago, where it is not the
// supervisor's; nil where that cannot be told.
func (w *Worker) otherRoot(c *Call) *otherRoot {
	other := &w.other
	switch other.away = false; {
	case !w.shim.passing.namespaces.Load():
	case w.namespaceOf(c.TID) == ofUnknown:
		return nil
	default:
		other.away = w.namespaceOf(c.TID) == ofAnother
	}
	at := w.about(c.TID)
	if at.place != nil && at.place.shown != "" && !other.away {
		other.name = at.place.shown
		return other
	}
	root, known := w.rootOf(c.TID)
	if !known || root == "/" && !other.away {
		return nil
	}
	if at.place != nil && !other.away {
		at.place.shown = root
	}
	other.name = root
	return other
}

// rootIdentity is what the tracee's root directory is.
func (w *Worker) rootIdentity(tid int) (identity, unix.Errno) {
	at := w.about(tid)
	if at.place != nil && at.place.rootKnown {
		return at.place.root, 0
	}
	if !at.identityRead {
		at.identityRead = true
		at.identityErr = fstatat(atFDCWD, append(w.ofTracee(tid, "root"), 0), &w.st, 0)
		at.identity = identityOf(&w.st)
		if at.place != nil && at.identityErr == 0 {
			at.place.root, at.place.rootKnown = at.identity, true
		}
	}
	return at.identity, at.identityErr
}

// namespaceOf tells whose mount namespace a thread is in.
func (w *Worker) namespaceOf(tid int) namespaceOf {
	at := w.about(tid)
	if at.place != nil && at.place.namespace != ofUnknown {
		return at.place.namespace
	}
	if !at.namespaceRead {
		at.namespaceRead = true
		n, e := readlinkat(atFDCWD, append(w.ofTracee(tid, "ns/mnt"), 0), w.link[:])
		switch {
		case e != 0:
		case bytes.Equal(w.link[:n], w.shim.namespace):
			at.namespace = ofSupervisor
		default:
			at.namespace = ofAnother
		}
		if at.place != nil {
			at.place.namespace = at.namespace
		}
	}
	return at.namespace
}

// statusOf is the status of a thread, for any but the one whose call is at hand read anew.
func (w *Worker) statusOf(tid int) (status, error) {
	at := w.about(tid)
	if at.status.tid == tid {
		return at.status, nil
	}
	who, err := w.shim.who(tid)
	if err == nil {
		at.status = who
	}
	return who, err
}

// tgidOf is the number of the process that made a call.
func (w *Worker) tgidOf(c *Call) (int, error) {
	if c.TGID != 0 {
		return c.TGID, nil
	}
	who, err := w.statusOf(c.TID)
	return who.tgid, err
}

// sharesNamespace tells whether a thread is in the supervisor's mount namespace, as far
// as is known.
func (w *Worker) sharesNamespace(tid int) bool {
	return w.shim.namespace == nil || w.namespaceOf(tid) != ofAnother
}

// isChrooted tells whether a tracee has another root than the supervisor. Where the
// supervisor may not look, it most likely has not (see walker.start).
func (w *Worker) isChrooted(tid int) bool {
	root, _ := w.rootOf(tid)
	return root != "/"
}

// sharesRoot tells whether the tracee sees the same files under the same names
// as the supervisor. It does until some tracee has changed its root or entered a
// mount namespace of its own; from then on each call pays for being asked.
func (w *Worker) sharesRoot(c *Call, t *territory) bool {
	if w.renamed != "" {
		return true
	}
	if w.shim.passing.roots.Load() {
		switch id, e := w.rootIdentity(c.TID); {
		case e == unix.EACCES || e == unix.EPERM:
			// Another user's process, and the supervisor has no CAP_SYS_PTRACE:
			// its root cannot be known, and is most likely the common one.
		case e != 0 || id != t.root:
			return false
		}
	}
	return !w.shim.passing.namespaces.Load() || w.namespaceOf(c.TID) == ofSupervisor
}
