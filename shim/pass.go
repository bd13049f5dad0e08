package shim

import (
	"bytes"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Most calls are about files that are nobody's but the kernel's. They are told
// here, before any handler runs: one read of the name, one look at the object,
// and no more code than that takes: the resolver's way to the same verdict costs
// about a twentieth of a stop more (docs/performance.md).
//
//	call ─▶ Passes ─ a real file, in no way ours ─▶ Continue
//	           └──── anything else ─▶ handler ─▶ resolver
//
// It says less than [Worker.resolve] and never something else: a name without ".."
// and the like, outside of all that is served, of a real object that is no link, with
// which nothing of ours begins.

// Passes tells that a call is not ours: the kernel may go on with it. A backend
// asks this first, and [Worker.Handle] where the answer is no.
//
// What the kernel reads after that may be another name than the one read here: see
// [Worker.resolve] for why that is harmless. The name and what was found are kept
// for the handler.
func (w *Worker) Passes(c *Call) bool {
	w.ahead, w.looked = nil, 0
	p := &w.shim.passing
	if uint(c.Nr) >= uint(len(p.calls)) || p.closed() || !w.passes(p, c) {
		return false
	}
	w.ahead = nil
	w.count.answered(c.Nr, Continue)
	return true
}

func (w *Worker) passes(p *Passing, c *Call) bool {
	how := p.calls[c.Nr]
	dirfd := atFDCWD
	if how.dirfd > 0 {
		dirfd = dirfdOf(c.Args[how.dirfd-1])
	}
	switch {
	case how.name == 0:
		return how.dirfd > 0 && p.handed.none()
	case how.typed > 0:
		return false
	}
	if how.mended > 0 && c.Args[how.flags-1]&unix.AT_NO_AUTOMOUNT != 0 && c.Tracee.CanRewrite() {
		return false
	}
	if w.writesUncopied(c) {
		return false
	}
	addr := c.Args[how.name-1]
	name, ok := w.readPath(c.Tracee, addr)
	if !ok {
		return false
	}
	w.ahead, w.aheadAt = name, addr
	switch {
	case len(name) == 0:
		return how.flags > 0 && c.Args[how.flags-1]&unix.AT_EMPTY_PATH != 0 && p.handed.none()
	case !isPlain(name):
		return false
	case name[0] == '/':
		if p.below(name) {
			return false
		}
		w.lookErr = fstatat(atFDCWD, w.path[:len(name)+1], &w.seen, unix.AT_SYMLINK_NOFOLLOW)
	case dirfd < 0 && dirfd != atFDCWD:
		return false
	default:
		own := append(append(w.throughTracee(c.TID, dirfd), name...), 0)
		w.lookErr = fstatat(atFDCWD, own, &w.seen, unix.AT_SYMLINK_NOFOLLOW)
	}
	w.looked = len(name)
	return w.lookErr == 0 && w.seen.Mode&unix.S_IFMT != unix.S_IFLNK && !p.ours(&w.seen)
}

// An Aside is what code outside of Go's runtime needs to do what [Worker.Passes]
// does, and to answer statfs: what calls are told by, and where the worker takes
// over. It may be used while the worker itself is not.
type Aside struct {
	Passing *Passing
	Name    *[pathMax]byte
	Seen    *unix.Stat_t
	// Continued counts calls that passed, Answered those that were answered, by
	// number; they have room for all that Passing tells. Types counts types of
	// filesystems that were told.
	Continued, Answered, Types *atomic.Uint64
}

// Aside returns what the worker shares.
func (w *Worker) Aside() Aside {
	a := Aside{Passing: &w.shim.passing, Name: &w.path, Seen: &w.seen}
	if seen := &w.count.seen; len(seen[columnContinued]) > 0 {
		a.Continued, a.Answered = &seen[columnContinued][0], &seen[columnAnswered][0]
	}
	a.Types = &w.count.types
	return a
}

// Ahead tells the worker what was found about a call that does not pass: a name of
// that length in Aside.Name, and what looking it up gave, if that was done.
func (w *Worker) Ahead(c *Call, length int, looked bool, e unix.Errno) {
	how := w.shim.passing.calls[c.Nr]
	w.ahead, w.aheadAt = w.path[:length], c.Args[how.name-1]
	w.looked, w.lookErr = 0, e
	if looked {
		w.looked = length
	}
}

// keepLook keeps what was found under a name that was read, itself and no link's target,
// for who looks it up next.
func (w *Worker) keepLook(name []byte, st *unix.Stat_t, e unix.Errno) {
	if &name[0] == &w.path[0] {
		w.looked, w.lookErr, w.seen = len(name), e, *st
	}
}

// lookedAt gives what [Worker.Passes] or keepLook has found under a name, itself and no link's
// target, if it is that name and the first time.
func (w *Worker) lookedAt(name []byte) (unix.Errno, bool) {
	if w.looked == 0 || w.looked != len(name) || &name[0] != &w.path[0] {
		return 0, false
	}
	w.looked = 0
	w.st = w.seen
	return w.lookErr, true
}

// isPlain tells whether a name has no "//", no "." and "..", and no "/" at its end.
func isPlain(name []byte) bool {
	if len(name) > 0 && name[0] == '/' {
		name = name[1:]
	}
	slash := true
	for i, b := range name {
		if slash && (b == '/' || b == '.' && beginsWithDots(name[i:])) {
			return false
		}
		slash = b == '/'
	}
	return !slash
}

// beginsWithDots tells whether the first component is "." or "..".
func beginsWithDots(name []byte) bool {
	first, _, _ := bytes.Cut(name, []byte("/"))
	return string(first) == "." || string(first) == ".."
}
