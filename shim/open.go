package shim

import (
	"bytes"
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// open, openat, openat2 and creat (open(2), openat2(2)).

func (w *Worker) open(c *Call) Answer {
	return w.openName(c, atFDCWD, c.Args[0], int(int32(c.Args[1])), uint32(c.Args[2]), 0)
}

func (w *Worker) creat(c *Call) Answer {
	return w.openName(c, atFDCWD, c.Args[0], unix.O_CREAT|unix.O_WRONLY|unix.O_TRUNC, uint32(c.Args[1]), 0)
}

func (w *Worker) openat(c *Call) Answer {
	return w.openName(c, dirfdOf(c.Args[0]), c.Args[1], int(int32(c.Args[2])), uint32(c.Args[3]), 0)
}

// openat2's struct open_how is three 64-bit words: flags, mode, resolve.
func (w *Worker) openat2(c *Call) Answer {
	if !w.shim.openat2 {
		// Programs try it once, on whatever name, and take what comes for all others.
		return Answer{} // ENOSYS
	}
	const known = 24
	if c.Args[3] < known || c.Args[3] > uint64(len(w.data)) {
		return Answer{} // EINVAL or E2BIG
	}
	how := w.data[:c.Args[3]]
	if n, err := c.Tracee.ReadMemory(c.Args[2], how); err != nil || n < len(how) {
		return Answer{} // EFAULT
	}
	flags, mode, resolve := word(how[0:]), word(how[8:]), word(how[16:])
	if len(bytes.Trim(how[known:], "\x00")) > 0 || !validHow(flags, mode, resolve) {
		return Answer{} // E2BIG or EINVAL
	}
	return w.openName(c, dirfdOf(c.Args[0]), c.Args[1], int(flags), uint32(mode), resolve)
}

// hasOpenat2 tells whether the kernel knows the call.
func hasOpenat2() bool {
	fd, err := unix.Openat2(atFDCWD, "/", &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC})
	if err != nil {
		return err != unix.ENOSYS
	}
	unix.Close(fd)
	return true
}

// validHow makes the checks of build_open_flags (fs/open.c) that openat2 makes
// and openat does not: what fails them is the kernel's to refuse.
func validHow(flags, mode, resolve uint64) bool {
	const (
		resolvers = unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_SYMLINKS |
			unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT | resolveCached
		both     = unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT
		creating = unix.O_CREAT | unix.O_TMPFILE&^unix.O_DIRECTORY
		withPath = unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
		known    = unix.O_ACCMODE | unix.O_CREAT | unix.O_EXCL | unix.O_NOCTTY | unix.O_TRUNC | unix.O_APPEND | unix.O_NONBLOCK |
			unix.O_SYNC | unix.O_ASYNC | unix.O_DIRECT | unix.O_LARGEFILE | 0o100000 | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_NOATIME |
			unix.O_CLOEXEC | unix.O_PATH | unix.O_TMPFILE
	)
	return flags&^known == 0 && resolve&^resolvers == 0 && resolve&both != both &&
		(mode == 0 || flags&creating != 0) && mode&^0o7777 == 0 &&
		(flags&unix.O_PATH == 0 || flags&^withPath == 0)
}

// resolveCached is RESOLVE_CACHED (linux/openat2.h).
const resolveCached = 0x20

// openName opens what a name leads to. Every answer other than Continue uses
// the worker's own copy of the name.
func (w *Worker) openName(c *Call, dirfd int, addr uint64, flags int, mode uint32, resolve uint64) Answer {
	if flags&unix.O_PATH != 0 {
		flags &= unix.O_PATH | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC // the others are ignored then
	}
	name, ok := w.readPath(c.Tracee, addr)
	if !ok {
		return Answer{} // EFAULT or ENAMETOOLONG, says the kernel
	}
	if bytes.HasSuffix(name, []byte("fuse")) || bytes.HasSuffix(name, []byte("userfaultfd")) { // in /dev, by whatever way
		w.shim.MayServe()
	}
	nofollow := flags&unix.O_NOFOLLOW != 0 || flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL
	if w.shim.virtual.table != nil && resolve == 0 && len(name) > 0 {
		if a, done := w.openMounted(c, dirfd, name, flags, mode); done {
			return a
		}
	}
	if a, done := w.openNames(c, dirfd, name, flags); done {
		return a
	}
	t := w.resolve(c, dirfd, name, lookup{nofollow: nofollow, resolve: resolve, beyond: true})
	if t.ours() && flags&unix.O_CREAT != 0 && name[len(name)-1] == '/' {
		t.errno = unix.EISDIR // nothing can be made under a name that ends in a slash
	}
	if t.ours() && flags&(unix.O_CREAT|unix.O_DIRECTORY) == unix.O_CREAT|unix.O_DIRECTORY {
		t.errno = unix.EINVAL // since Linux 6.3; nobody can have meant it
	}
	if t.errno == unix.ENOENT && flags&unix.O_CREAT != 0 {
		switch made, errno := w.makeFolderFor(c, dirfd, name); {
		case errno != 0:
			t.errno = errno
		case made:
			return w.leave(c, dirfd, name)
		default:
			t.errno = w.uncreatable(c, dirfd, name)
		}
	}
	if t.errno != 0 {
		return Answer{Kind: Fail, Errno: t.errno}
	}
	if opensToChange(flags) && t.trouble != 0 {
		return t.change()
	}
	if t.beyond >= 0 && t.node == nil {
		return w.openBeyond(&t, flags)
	}
	if t.node == nil {
		return w.leave(c, dirfd, name)
	}
	if resolve&resolveCached != 0 {
		return Answer{Kind: Fail, Errno: unix.EAGAIN} // always allowed: "try again without"
	}
	a, errno := w.openNode(c, &t, flags)
	if errno != 0 {
		a = Answer{Kind: Fail, Errno: errno}
	}
	if a.Kind != Continue {
		w.told(c, t.node)
	}
	return a
}

// uncreatable is why a file that is not there cannot be made: in the folder of a
// served filesystem nobody can (may_open_new in fs/namei.c), in others the
// kernel's own answer stands.
func (w *Worker) uncreatable(c *Call, dirfd int, name []byte) unix.Errno {
	t := w.resolve(c, dirfd, dirName(name), lookup{})
	switch {
	case t.node == nil || t.node.On == nil:
		return unix.ENOENT
	case t.node.On.ReadOnly:
		return unix.EROFS
	}
	return unix.EACCES
}

// openNode opens a served node with the checks of do_open and may_open
// (fs/namei.c), in their order.
func (w *Worker) openNode(c *Call, t *target, flags int) (Answer, unix.Errno) {
	n := t.node
	accmode := flags & unix.O_ACCMODE
	path := flags&unix.O_PATH != 0
	switch {
	case path:
	case flags&unix.O_TMPFILE == unix.O_TMPFILE:
		if accmode == unix.O_RDONLY {
			return Answer{}, unix.EINVAL
		} else if !n.Mode.IsDir() {
			return Answer{}, unix.ENOTDIR
		}
		if isSysctl(n.Name) {
			return Answer{}, unix.EACCES
		}
		return Answer{}, unix.EOPNOTSUPP
	case flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL:
		return Answer{}, unix.EEXIST
	}
	if n.Mode&fs.ModeSymlink != 0 {
		if !path {
			return Answer{}, unix.ELOOP
		}
		return Answer{}, 0
	}
	if flags&unix.O_DIRECTORY != 0 && !n.Mode.IsDir() {
		return Answer{}, unix.ENOTDIR
	}
	if n.Mode.IsDir() && !path && (accmode != unix.O_RDONLY || flags&(unix.O_CREAT|unix.O_TRUNC) != 0) {
		return Answer{}, unix.EISDIR
	}
	if !path {
		// The bits that everybody has need nobody's name.
		if want := wanted(flags); !t.everybody(want) {
			who, err := w.who(c)
			if err != nil {
				return w.failed(c, n, accmode, err)
			}
			if !t.permits(&who, want) {
				return Answer{}, unix.EACCES
			}
		}
	}
	switch {
	case path:
	case flags&unix.O_DIRECT != 0 && n.Stream == "":
		return Answer{}, unix.EINVAL // procfs has no direct I/O
	case flags&unix.O_NOATIME != 0:
		if who, err := w.who(c); err != nil || who.fsuid != n.UID && !who.has(unix.CAP_FOWNER) {
			return Answer{}, unix.EPERM
		}
	}
	const kept = unix.O_ACCMODE | unix.O_APPEND | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_PATH | unix.O_DIRECTORY | unix.O_SYNC | unix.O_NOATIME
	a := Answer{Kind: Install, Flags: flags & kept}
	var err error
	switch {
	case n.Mode.IsDir():
		a.FD, err = w.shim.directory(n, t.name)
	case n.Stream != "" && !path:
		a.FD, err = w.shim.streams.open(n, accmode)
		a.CloseFD = true
	case path && !w.mayRead(c, t):
		a.FD, a.CloseFD, err = w.shim.placeholder(n, t.name)
	case n.Content == nil:
		return Answer{}, unix.ENXIO // a device whose number no driver has
	default:
		return w.openFile(c, t, a, accmode)
	}
	if err != nil {
		return w.failed(c, n, accmode, err)
	}
	return a, 0
}

// mayRead tells whether the caller may read a served file with a text that all share.
func (w *Worker) mayRead(c *Call, t *target) bool {
	if t.node.Content == nil {
		return false
	}
	if _, shared := t.node.Content.Shared(); !shared {
		return false
	}
	if t.everybody(unix.R_OK) {
		return true
	}
	who, err := w.who(c)
	return err == nil && t.permits(&who, unix.R_OK)
}

// mayLookAt tells whether the supervisor may look at a thread's descriptors: not at those
// of another user's, without CAP_SYS_PTRACE.
func (w *Worker) mayLookAt(tid int) bool {
	_, e := readlinkat(atFDCWD, append(w.ofTracee(tid, "cwd"), 0), w.link[:])
	return e == 0
}

// openFile completes an Install with the memfd of a regular file: one for all who read
// it and see the same, one for each who writes, or who sees what nobody else does.
func (w *Worker) openFile(c *Call, t *target, a Answer, accmode int) (Answer, unix.Errno) {
	n, v := t.node, w.viewOf(c, t)
	_, shared := n.Content.Shared()
	writes := accmode != unix.O_RDONLY
	var err error
	if shared && !writes {
		a.FD, a.CloseFD, err = w.shim.sharedFile(n, t.name, v)
	} else {
		kind := sealed
		if a.Follow, a.CloseFD = writes, true; writes {
			kind = written
			w.shim.adoptStrays(n, v)
		}
		high := accmode == unix.O_WRONLY
		var content []byte
		if content, err = n.Content.Read(v); n.On != nil && err != nil {
			if errno, ok := err.(unix.Errno); ok && (errno != unix.EINVAL && errno != unix.EOPNOTSUPP || !writes) {
				return Answer{}, errno // else it cannot be read, says read(2) of the kernel's
			}
			err = nil
		}
		switch {
		case err != nil:
		case !writes && n.Object != nil:
			a.FD, a.CloseFD, err = w.shim.saidFile(n, t.name, content)
		default:
			if high {
				content = nil
			}
			a.FD, err = w.shim.newFile(content, kind, &handedOut{node: n, name: t.name, writeOnly: high})
		}
		if err == nil && writes && !w.mayLookAt(c.TID) {
			w.shim.Unfollowed(a.FD) // its writes will be known by nothing but the file
			high = false
		}
		a.High = high && w.shim.high
	}
	if err != nil {
		return w.failed(c, n, accmode, err)
	}
	return a, 0
}

// failed decides what becomes of an open that the shim could not serve: a
// file that the kernel lacks for this reader is the kernel's to refuse. A read is the
// kernel's to answer, which is logged. A write is refused: it was not meant for the
// machine's own file.
func (w *Worker) failed(c *Call, n *fakefs.Node, accmode int, err error) (Answer, unix.Errno) {
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission)
	if missing && (accmode == unix.O_RDONLY || n.WhenPresent) {
		return Answer{}, 0
	}
	w.count.failed(n.Lie)
	log := w.shim.log.Warn().Int("tid", c.TID).Str("file", n.Name).Err(err)
	if accmode == unix.O_RDONLY {
		log.Msg("could not serve; the kernel answers instead")
		return Answer{}, 0
	}
	log.Msg("could not serve a writer, whose open fails")
	return Answer{}, troubleOf(err)
}

// troubleOf is the errno that an open gets from a kernel which is in the supervisor's
// trouble: no descriptors or no memory left (open(2)); of anything else, EIO.
func troubleOf(err error) unix.Errno {
	var errno unix.Errno
	switch errors.As(err, &errno); errno {
	case unix.EMFILE, unix.ENFILE:
		return unix.ENFILE
	case unix.ENOMEM, unix.ENOSPC:
		return errno
	case unix.EFBIG:
		return unix.ENOSPC
	}
	return unix.EIO
}

// viewOf is the machine as the caller sees it.
func (w *Worker) viewOf(c *Call, t *target) *view {
	return &view{tid: c.TID, name: t.name, root: w.rootFor(c), shim: w.shim, tracee: c.Tracee, worker: w}
}
