package shim

import (
	"slices"

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
// It says less than [Worker.resolve] and never something else: an absolute name
// without ".." and the like, outside of all that is served, of a real object that
// is no link, with which nothing of ours begins.

// withNames tells which argument of a call is its name, for calls that look at one
// object and that nothing but the object's identity makes ours.
var withNames = map[string]int8{
	"open": 0, "stat": 0, "lstat": 0, "access": 0,
	"openat": 1, "newfstatat": 1, "statx": 1, "faccessat": 1, "faccessat2": 1,
}

// passing is what calls that are not ours are told by.
type passing struct {
	// names is the argument with the name by call number, -1 for calls that
	// always come to their handlers.
	names []int8
	// not are the first components below which names are never decided here.
	not firsts
}

func (s *Shim) newPassing() passing {
	p := passing{names: make([]int8, len(s.handlers))}
	for nr := range p.names {
		p.names[nr] = -1
	}
	// Where mounts are made in a table, or any name may be served, no name is
	// decided by its object alone.
	if s.virtual.answers || s.firsts == nil {
		return p
	}
	// In /proc and behind the links of /dev, names mean what they mean to the reader.
	p.not = append(slices.Clone(s.firsts), "/proc", "/dev")
	for _, t := range s.traps {
		arg, ok := withNames[t.Name]
		if ok && !(s.quirks.statxNoAutomount && (t.Name == "statx" || t.Name == "newfstatat")) {
			p.names[t.Nr] = arg
		}
	}
	return p
}

// Passes tells that a call is not ours: the kernel may go on with it. A backend
// asks this first, and [Worker.Handle] where the answer is no.
//
// What the kernel reads after that may be another name than the one read here: see
// [Worker.resolve] for why that is harmless. The name and what was found are kept
// for the handler.
func (w *Worker) Passes(c *Call) bool {
	w.ahead, w.looked = nil, 0
	s := w.shim
	if uint(c.Nr) >= uint(len(s.passing.names)) {
		return false
	}
	arg := s.passing.names[c.Nr]
	if arg < 0 || s.roots.Load() || s.namespaces.Load() || s.mounts.busy.Load() {
		return false
	}
	name, ok := w.readPath(c.Tracee, c.Args[arg])
	if !ok {
		return false
	}
	w.ahead, w.aheadAt = name, c.Args[arg]
	if !isPlain(name) || s.passing.not.may(name) {
		return false
	}
	w.lookErr, w.looked = fstatat(atFDCWD, w.path[:len(name)+1], &w.seen, unix.AT_SYMLINK_NOFOLLOW), len(name)
	if w.lookErr != 0 || w.seen.Mode&unix.S_IFMT == unix.S_IFLNK ||
		s.ground.Load().mayReplace(&w.seen) || w.inServedDirectory(&w.seen) {
		return false
	}
	w.ahead = nil
	w.count.answered(c.Nr, Continue)
	return true
}

// lookedAt gives what [Worker.Passes] has found under a name, itself and no link's
// target, if it is that name and the first time.
func (w *Worker) lookedAt(name []byte) (unix.Errno, bool) {
	if w.looked == 0 || w.looked != len(name) || &name[0] != &w.path[0] {
		return 0, false
	}
	w.looked = 0
	w.st = w.seen
	return w.lookErr, true
}

// isPlain tells whether a name is absolute, and has no "//", "." or "..", nor
// components that begin like those.
func isPlain(name []byte) bool {
	if len(name) == 0 || name[0] != '/' {
		return false
	}
	slash := true
	for _, b := range name[1:] {
		if slash && (b == '/' || b == '.') {
			return false
		}
		slash = b == '/'
	}
	return !slash
}
