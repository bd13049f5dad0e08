package shim

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A target is what a name leads to, where that is ours. The zero target means:
// not ours, the kernel answers.
type target struct {
	// node is what is served under the name; nil where only errno or union counts.
	node *fakefs.Node
	// name is the node's name in the tree.
	name string
	// real tells that the kernel has an object there too, where that was asked, and
	// mode, uid and gid are then that object's.
	real     bool
	mode     uint32
	uid, gid uint32
	// beyond is, where node is nil, an O_PATH descriptor of the kernel's own
	// object that the name leads to by way of something served, so that the
	// kernel could not get there; else -1. Who asked for it ([lookup]) closes it.
	beyond int
	// errno is a definite refusal: the name leads through what is served to a
	// place that cannot be (ENOTDIR, ELOOP, EXDEV).
	errno unix.Errno
	// trouble is why the supervisor could not find out what the name leads to: it has no
	// descriptors or no memory left. A read is the kernel's to answer then; a change is
	// refused, for it may be one of something served.
	trouble unix.Errno
}

// permits tells whether the caller may do to the target what want asks for. Where the
// node changes only what the kernel's own file says, that file's permissions count.
func (t *target) permits(who *status, want uint32) bool {
	if t.real && t.node.WhenPresent {
		return who.allowed(t.mode, t.uid, t.gid, want) || who.overrides(want, false, t.uid, t.gid)
	}
	return who.may(t.node, want, who.fsuid, who.fsgid)
}

// everybody tells that no caller needs to be asked for.
func (t *target) everybody(want uint32) bool {
	mode := uint32(t.node.Mode.Perm())
	if t.real && t.node.WhenPresent {
		mode = t.mode
	}
	return mode&want == want && mode>>3&want == want && mode>>6&want == want
}

// ours tells that the shim has something to say about the target.
func (t *target) ours() bool { return t.node != nil || t.errno != 0 }

// fake tells that the kernel has nothing under that name, where that was asked.
func (t *target) fake() bool { return t.node != nil && !t.real }

// lookup is how a call wants its name followed.
type lookup struct {
	nofollow bool   // a link in the last place is the object itself
	resolve  uint64 // openat2's RESOLVE_ flags
	beyond   bool   // the caller can deal with target.beyond
	object   bool   // … and wants it of every object of the kernel's
	real     bool   // the caller asks for target.real
}

// isLink tells whether a link in the last place of this name is the object itself.
// With a slash or "/." behind it, it is what it leads to (path_resolution(7)).
func (how lookup) isLink(name []byte) bool { return how.nofollow && !wantsDirectory(name) }

// resolve says what the name leads to for the tracee, starting from dirfd.
//
// Three steps, each dearer and rarer than the one before:
//
//  1. An absolute name below /proc has no ordinary links in it, so its text
//     decides: no look-up at all.
//  2. The kernel is asked once what lies there. An object of a filesystem in
//     which nothing is served is not ours; for a missing one its nearest existing
//     folder decides.
//  3. What passes is walked, component by component, exactly as the kernel
//     would walk it for the tracee.
//
// The answer "not ours" lets the kernel read the name again from memory that
// another thread may have changed meanwhile. That adds no power, for what the kernel
// does then it does with the program's own rights: it only deprives itself of a lie.
func (w *Worker) resolve(c *Call, dirfd int, name []byte, how lookup) target {
	t := w.lead(c, dirfd, name, how)
	if t.beyond == 0 {
		t.beyond = -1
	}
	return t
}

func (w *Worker) lead(c *Call, dirfd int, name []byte, how lookup) target {
	if len(name) == 0 {
		return target{}
	}
	t := w.shim.ground.Load()
	if how.resolve != 0 {
		return w.walk(c, dirfd, name, how)
	}
	if !w.sharesRoot(c, t) {
		if other := w.otherRoot(c); other != nil && !how.object && w.isOrdinary(c, t, other, dirfd, name, how) {
			return target{}
		}
		return w.walk(c, dirfd, name, how)
	}
	if name[0] != '/' {
		return w.resolveByObject(c, t, dirfd, name, how)
	}
	clean, ok := cleanLexically(w.clean[:0], name)
	if !ok {
		if first := bytes.TrimLeft(name, "/"); bytes.HasPrefix(first, []byte("proc/")) || bytes.HasPrefix(first, []byte("dev/")) {
			return w.walk(c, dirfd, name, how) // "self" and "fd" are the tracee's there
		}
		return w.resolveByObject(c, t, dirfd, name, how)
	}
	if t.hides(clean) {
		return target{}
	}
	if isBelow(clean, "/proc") && t.proc {
		return w.resolveInProc(c, dirfd, name, clean, how)
	}
	if isBelow(clean, "/dev/fd") {
		return w.walk(c, dirfd, name, how) // a link to the reader's own /proc/self/fd
	}
	if w.shim.spaces.Load() {
		clean = []byte(w.shim.inside(c.TID, string(clean)))
	}
	var n *fakefs.Node
	if w.shim.firsts.may(clean) {
		n = w.shim.tree.Find(clean)
	}
	if n == nil {
		return w.resolveByObject(c, t, dirfd, name, how)
	}
	if n.Mode&modeSymlink != 0 && !how.isLink(name) {
		return w.walk(c, dirfd, name, how)
	}
	// The kernel may have a link in the middle of a name that we serve as it stands
	// (/etc, /sys/class): the walk finds out where it leads. Without
	// one, text and object agree.
	if !n.WhenMissing && !isBelow(clean, "/dev") && !isBelow(clean, "/sys") {
		return w.walk(c, dirfd, name, how)
	}
	return w.found(n, clean, wantsDirectory(name), how)
}

// isBelow tells whether a clean name is dir or lies below it.
func isBelow(clean []byte, dir string) bool {
	return len(clean) >= len(dir) && string(clean[:len(dir)]) == dir &&
		(len(clean) == len(dir) || clean[len(dir)] == '/')
}

// resolveInProc decides a clean name below /proc by its text: procfs has no
// links but the magic ones, and those are known by name.
func (w *Worker) resolveInProc(c *Call, dirfd int, name, clean []byte, how lookup) target {
	if len(clean) > len("/proc/") {
		tgid := c.TID
		if needsTGID(clean) {
			var err error
			if tgid, err = w.tgidOf(c); err != nil {
				return target{}
			}
		}
		var leads magic
		clean, leads = procName(w.proc[:0], clean, tgid, c.TID)
		if leads == endsInMagic && how.nofollow && !how.object && !wantsDirectory(name) {
			leads = noMagic // the link itself, which is the kernel's
		}
		if leads != noMagic || w.shim.ground.Load().procHides && ofProcess(clean) {
			return w.walk(c, dirfd, name, how)
		}
	}
	n := w.shim.tree.Find(clean)
	if n == nil || n.Mode&modeSymlink != 0 {
		for _, link := range w.shim.procLinks {
			if isBelow(clean, link) && !(how.isLink(name) && len(clean) == len(link)) {
				return w.walk(c, dirfd, name, how)
			}
		}
	}
	if n == nil {
		return w.belowFile(clean)
	}
	return w.found(n, clean, wantsDirectory(name), how)
}

// belowFile refuses a name that goes on below something that only the tree has:
// the kernel, which lacks that, would say ENOENT where a file stands in the way.
func (w *Worker) belowFile(clean []byte) target {
	for above := dirName(clean); len(above) > len("/proc"); above = dirName(above) {
		n := w.shim.tree.Find(above)
		if n == nil {
			continue
		}
		switch t := w.found(n, above, false, lookup{real: true}); {
		case t.fake() && n.Mode.IsDir():
			return target{errno: unix.ENOENT}
		case t.fake():
			return target{errno: unix.ENOTDIR}
		}
		return target{}
	}
	return target{}
}

// ofProcess tells whether a clean name below /proc is one of a process's.
func ofProcess(clean []byte) bool { return clean[len("/proc/")] >= '0' && clean[len("/proc/")] <= '9' }

// needsTGID tells whether a name below /proc speaks of the reader itself.
func needsTGID(clean []byte) bool {
	rest := clean[len("/proc/"):]
	for _, p := range []string{"self", "thread-self", "mounts", "net"} {
		if isBelow(rest, p) {
			return true
		}
	}
	return false
}

// found completes a target that was decided by its text.
func (w *Worker) found(n *fakefs.Node, name []byte, directory bool, how lookup) target {
	t := target{node: n}
	// Most nodes are files of any kind that stand before the kernel's, if there is
	// one, in folders that the tree has as well: nothing depends on the kernel.
	if how.real || n.Pattern != "" || n.WhenMissing || n.WhenPresent || n.Mode.IsDir() {
		own := append(append(w.own[:0], name...), 0)
		if t.real = n.On == nil && fstatat(atFDCWD, own, &w.st, unix.AT_SYMLINK_NOFOLLOW) == 0; t.real {
			t.mode, t.uid, t.gid = w.st.Mode, w.st.Uid, w.st.Gid
		}
		switch {
		case kernels(n, t.real):
			return target{}
		case n.On != nil: // a filesystem of our own: there is nothing of the kernel's
		case !t.real && (n.Pattern != "" || w.shim.tree.Find(dirName(name)) == nil):
			// A node stands in a folder of the kernel's: without it (a process that is
			// gone, a cgroup that was removed) there is no node either.
			own = append(append(w.own[:0], dirName(name)...), 0)
			if fstatat(atFDCWD, own, &w.st, 0) != 0 {
				return target{}
			}
		}
	}
	if directory && !n.Mode.IsDir() {
		return target{errno: unix.ENOTDIR}
	}
	if t.name = n.Name; t.name != string(name) {
		t.name = string(name) // the node is a pattern's
	}
	return t
}

// kernels tells whether a node leaves its name to the kernel: one that is served
// only where the kernel has none, or only where it has one, and every
// directory that the kernel has too.
func kernels(n *fakefs.Node, real bool) bool {
	if real {
		return n.WhenMissing || n.Mode.IsDir() && !n.Covers()
	}
	return n.WhenPresent
}

// resolveByObject asks the kernel what lies under a name, and walks only if
// that can be ours.
func (w *Worker) resolveByObject(c *Call, t *territory, dirfd int, name []byte, how lookup) target {
	if w.isOrdinary(c, t, nil, dirfd, name, how) {
		return target{}
	}
	return w.walk(c, dirfd, name, how)
}

// climbs tells whether a relative name leads up from a stand-in, or may. To the kernel
// there is nothing above one, or something that has nothing to do with it; and old
// gVisor breaks when it opens the ".." of a removed folder on a tmpfs.
func (w *Worker) climbs(c *Call, dirfd int, name []byte) bool {
	if !goesUp(name) || w.shim.passing.handed.none() {
		return false
	}
	var st unix.Stat_t
	return fstatat(atFDCWD, append(w.throughTracee(c.TID, dirfd), 0), &st, 0) == 0 && w.inServedDirectory(&st)
}

// goesUp tells whether a name has a "..".
func goesUp(name []byte) bool {
	for part := range bytes.SplitSeq(name, []byte("/")) {
		if string(part) == ".." {
			return true
		}
	}
	return false
}

// inServedDirectory tells whether a directory is one that the shim handed out.
func (w *Worker) inServedDirectory(st *unix.Stat_t) bool {
	_, ok := w.shim.handed.get(identityOf(st))
	return ok
}
