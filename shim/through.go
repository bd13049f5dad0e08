package shim

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
)

// Calls with names, where the names pass through mounts of the table: the
// supervisor makes the call where the file really lies, with the tracee's ids,
// and gives the result. So both backends do the same, and neither changes a
// tracee's memory. A call that passes no such mount is let go on to its own handler.

// passage is how one system call names files.
type passage struct {
	// path and dirfd are the arguments that hold a name and its start, -1 for none;
	// path2 and dirfd2 the same for a second name.
	path, dirfd, path2, dirfd2 int
	nofollow                   followRule
	flags                      int // the argument with AT_ flags, -1 for none
	kind                       passageKind
	// in are arguments with memory that the call reads, by their size (0: a text),
	// out is one that it writes, -1 for none, whose size is in argument size.
	in        map[int]int
	out, size int
	mode      int // the argument with a new file's permissions, -1 for none
}

type followRule uint8

const (
	follows      followRule = iota
	followsNot              // a link in the last place is meant itself
	followsNoBit            // unless AT_SYMLINK_NOFOLLOW
	followsBit              // only with AT_SYMLINK_FOLLOW
)

type passageKind uint8

const (
	looks   passageKind = iota
	changes             // EROFS on a read-only mount
	creates             // the same, or EEXIST
	removes             // the same, or EBUSY for a mount point
	moves               // two names, which must be on one mount
	links
	accesses // W_OK asks for a mount that can be written
)

func (p *passage) takes(c *Call) (nofollow bool) {
	flags := uint64(0)
	if p.flags >= 0 {
		flags = c.Args[p.flags]
	}
	switch p.nofollow {
	case followsNot:
		return true
	case followsNoBit:
		return flags&unix.AT_SYMLINK_NOFOLLOW != 0
	case followsBit:
		return flags&unix.AT_SYMLINK_FOLLOW == 0
	}
	return false
}

// through leads a call by its passage, before its own handler sees it.
func through(p *passage, next handler) handler {
	return func(w *Worker, c *Call) Answer {
		t := w.shim.virtual.table
		if t.Redirects() || p.kind != looks && (t.ReadOnly() || p.kind >= removes && t.Virtual()) {
			if a, done := w.pass(c, p); done {
				return a
			}
		}
		if next == nil {
			return Answer{}
		}
		return next(w, c)
	}
}

// pass leads the names of a call. done is false where the call is nothing to
// the table.
func (w *Worker) pass(c *Call, p *passage) (a Answer, done bool) {
	if w.renamed != "" || w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return Answer{}, false
	}
	l, ok := w.ledBy(c, p.dirfd, p.path, p.takes(c), w.reaches)
	two := p.kind == moves || p.kind == links
	var l2 led
	if two {
		// Where one name concerns the table, the other has to be known as well.
		var ok2 bool
		l2, ok2 = w.ledBy(c, p.dirfd2, p.path2, true, w.reaches)
		if ok && !ok2 {
			l2, ok2 = w.ledBy(c, p.dirfd2, p.path2, true, w.leadThrough)
		} else if ok2 && !ok {
			l, ok = w.ledBy(c, p.dirfd, p.path, p.takes(c), w.leadThrough)
		}
		ok = ok && ok2
	}
	if !ok {
		return Answer{}, false
	}
	if errno := w.refused(c, p, &l, &l2); errno != 0 {
		w.count.node(lieMounts)
		return Answer{Kind: Fail, Errno: errno}, true
	}
	if !l.redirected && !(two && l2.redirected) {
		return Answer{}, false
	}
	if !two {
		if a, ours := w.servedAt(c, l.place()); ours {
			return a, true
		}
	}
	if l.broken || l.errno != 0 && l.errno != unix.ENOENT {
		return Answer{Kind: Fail, Errno: l.errno}, true
	}
	if l2.broken {
		return Answer{Kind: Fail, Errno: l2.errno}, true
	}
	w.count.node(lieMounts)
	if l.real == networkFile && p.out >= 0 && p.nofollow == followsNot && p.kind == looks && p.in == nil {
		return Answer{Kind: Fail, Errno: unix.EINVAL}, true // readlink(2): the file is mounted, and not the link to it
	}
	return w.passTo(c, p, l.real, l2.real)
}

// servedAt asks the call's own handler about the place that its name leads to:
// where /proc is bound into a chroot, what is served in /proc is served there.
func (w *Worker) servedAt(c *Call, real string) (a Answer, ours bool) {
	return w.askAt(real, func() Answer { return w.shim.handlers[c.Nr](w, c) })
}

// askAt asks about a place as if the call had named it; "" is none.
func (w *Worker) askAt(real string, about func() Answer) (a Answer, ours bool) {
	if real == "" || !w.shim.firsts.may([]byte(real)) {
		return Answer{}, false
	}
	w.renamed = real
	defer func() { w.renamed = "" }()
	a = about()
	return a, a.Kind != Continue
}

// ledBy follows the name in one argument.
func (w *Worker) ledBy(c *Call, dirfd, path int, nofollow bool, lead func(*Call, int, []byte, bool) (led, bool)) (led, bool) {
	name, ok := w.readPath(c.Tracee, c.Args[path])
	if !ok || len(name) == 0 {
		return led{}, false // EFAULT, ENAMETOOLONG, ENOENT, or about a descriptor
	}
	from := atFDCWD
	if dirfd >= 0 {
		from = dirfdOf(c.Args[dirfd])
	}
	return lead(c, from, name, nofollow)
}

// frozen tells whether a mount is read-only in the table, and perhaps only there.
func (w *Worker) frozen(m *mounts.Mount) bool { return m.ReadOnly() && (!m.Kernel || m.Changed()) }

// refused makes the checks that the kernel makes of mounts.
func (w *Worker) refused(c *Call, p *passage, l, l2 *led) unix.Errno {
	t := w.shim.virtual.table
	if l.broken {
		return 0 // ENOENT or ENOTDIR before all else
	}
	mountPoint := func(l *led) bool { m := t.At(l.logical); return l.exists && m != nil && !m.Kernel }
	switch p.kind {
	case changes:
		if l.exists && w.frozen(l.mount) {
			return unix.EROFS
		}
	case accesses:
		if l.exists && c.Args[p.path+1]&unix.W_OK != 0 && w.frozen(l.mount) {
			return unix.EROFS
		}
	case creates:
		if w.frozen(l.mount) && l.exists {
			return unix.EEXIST
		} else if w.frozen(l.mount) && l.errno == unix.ENOENT {
			return unix.EROFS
		}
	case removes:
		if mountPoint(l) {
			return unix.EBUSY
		} else if w.frozen(l.mount) {
			return unix.EROFS
		}
	case moves, links:
		switch {
		case l2.broken || p.kind == links && !l.exists:
		case p.kind == moves && (mountPoint(l) || mountPoint(l2)):
			return unix.EBUSY
		case l.mount.ID != l2.mount.ID && (!l.mount.Kernel || !l2.mount.Kernel):
			return unix.EXDEV
		case w.frozen(l2.mount):
			return unix.EROFS
		}
	}
	return 0
}

// passTo makes the call where its names really lead.
func (w *Worker) passTo(c *Call, p *passage, real, real2 string) (Answer, bool) {
	who, err := w.who(c)
	if err != nil {
		return Answer{}, false
	}
	at := map[int][]byte{p.path: append([]byte(real), 0)}
	if real2 != "" {
		at[p.path2] = append([]byte(real2), 0)
	}
	for arg, size := range p.in {
		if c.Args[arg] == 0 {
			continue
		}
		b, errno := w.readIn(c, arg, size, p)
		if errno != 0 {
			return Answer{Kind: Fail, Errno: errno}, true
		}
		at[arg] = b
	}
	var out []byte
	if p.out >= 0 {
		out = make([]byte, min(c.Args[p.size], 1<<16)+1)
		at[p.out] = out
		if c.Args[p.out] == 0 {
			delete(at, p.out)
		}
	}
	args, nr := c.Args, c.Nr
	if p.mode >= 0 {
		args[p.mode] &^= uint64(who.umask)
	}
	if p.kind == accesses {
		nr, args, at = asEffective(p, &who, args, at[p.path])
	}
	var result int64
	var errno unix.Errno
	if !w.shim.as(&who, func() {
		if result, errno = callOn(nr, args, at); errno == 0 && p.mode >= 0 {
			w.finishMode(real, uint32(args[p.mode]))
		}
	}) {
		return Answer{}, false
	}
	switch {
	case errno != 0:
		return Answer{Kind: Fail, Errno: errno}, true
	case p.out >= 0 && c.Args[p.out] != 0 && result > 0:
		if err := c.Tracee.WriteMemory(c.Args[p.out], out[:min(int(result), len(out))]); err != nil {
			return unwritable(err), true
		}
	}
	return Answer{Kind: Return, Value: result}, true
}

// asEffective makes of access(2) and its kin a call that asks about the rights which
// the thread acts with: the real ids that they ask about stay the supervisor's. They
// become the caller's rights here (access_override_creds in fs/open.c).
func asEffective(p *passage, who *status, had [6]uint64, name []byte) (nr int, args [6]uint64, at map[int][]byte) {
	flags := uint64(0)
	if p.flags >= 0 {
		flags = had[p.flags]
	}
	if flags&unix.AT_EACCESS == 0 {
		who.asReal()
	}
	from := int64(atFDCWD) // the name is absolute
	args = [6]uint64{uint64(from), 0, had[p.path+1], flags | unix.AT_EACCESS}
	return unix.SYS_FACCESSAT2, args, map[int][]byte{1: name}
}

// finishMode gives a new file the bits that the supervisor's own umask took.
func (w *Worker) finishMode(real string, mode uint32) {
	if fstatat(atFDCWD, append([]byte(real), 0), &w.st, unix.AT_SYMLINK_NOFOLLOW) == 0 && w.st.Mode&unix.S_IFMT != unix.S_IFLNK {
		_ = unix.Chmod(real, w.st.Mode&unix.S_ISGID|mode&0o1777)
	}
}

// readIn reads what an argument points to: size bytes, or a text, or as many
// bytes as argument p.size says for size -1.
func (w *Worker) readIn(c *Call, arg, size int, p *passage) ([]byte, unix.Errno) {
	if size == 0 {
		text, ok := w.readPath(c.Tracee, c.Args[arg])
		if !ok {
			return nil, unix.EFAULT
		}
		return append(bytes.Clone(text), 0), 0
	}
	if size < 0 {
		if c.Args[p.size] > 1<<16 {
			return nil, unix.E2BIG
		}
		size = int(c.Args[p.size])
	}
	b := make([]byte, size+1)
	if n, err := c.Tracee.ReadMemory(c.Args[arg], b[:size]); err != nil || n < size {
		return nil, unix.EFAULT
	}
	return b, 0
}
