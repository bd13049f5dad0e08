package shim

import (
	"bytes"
	"path"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// statfs(2) and fstatfs(2). The supervisor asks the kernel itself about the
// tracee's object: that one call tells both whether there is a lie to tell and
// the true sizes that the lie leaves alone.

func (w *Worker) statfs(c *Call) Answer {
	name, ok := w.readPath(c.Tracee, c.Args[0])
	if !ok || len(name) == 0 {
		return Answer{}
	}
	if t := w.shim.virtual.table; t != nil && t.Virtual() {
		if a, done := w.statfsMounted(c, atFDCWD, c.Args[0], c.Args[1]); done {
			return a
		}
		if name, ok = w.readPath(c.Tracee, c.Args[0]); !ok {
			return Answer{}
		}
	}
	ground := w.shim.ground.Load()
	if w.sharesRoot(c, ground) && !selfish(name) {
		own, from := w.own[:0], 0
		if name[0] != '/' {
			own = w.ofTracee(c.TID, "cwd/")
			from = len(own) - 1
		}
		own = append(own, name...)
		e := statfs(append(own, 0), &w.fs)
		mended := e == unix.ENOSYS && w.shim.quirks.statfsENOSYS
		if mended {
			e = w.statfsAbove(own)
		}
		told := w.shim.tree.Filesystem(int64(w.fs.Type)) != nil
		switch {
		case e == 0 && !w.servedType():
			if told && !w.isOpenToAll(own, from) && !w.reachable(c, name) {
				return Answer{} // EACCES, says the kernel
			}
			return w.tellFilesystem(c, c.Args[1], false)
		case e == 0 && !told && !mended:
			return w.statfsServed(c, name)
		case e != 0 && e != unix.ENOENT && e != unix.ENOTDIR:
			return Answer{}
		}
	}
	if a := w.statfsServed(c, name); a.Kind != Continue {
		return a
	}
	return w.statfsObject(c, name)
}

// selfish tells whether a name can mean something else to the supervisor than to the tracee.
func selfish(name []byte) bool {
	return bytes.HasPrefix(name, []byte("/proc/")) || bytes.HasPrefix(name, []byte("/dev/fd"))
}

// servedType tells whether the filesystem just asked about is one in which
// served files stand, so that the name has to be resolved.
func (w *Worker) servedType() bool {
	return slices.Contains(servedTypes[:], int64(w.fs.Type))
}

var servedTypes = [...]int64{unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.CGROUP_SUPER_MAGIC, unix.TMPFS_MAGIC}

// statfsServed answers for a name that may be served: a served file is of the
// filesystem of its nearest real folder.
func (w *Worker) statfsServed(c *Call, name []byte) Answer {
	t := w.resolve(c, atFDCWD, name, lookup{})
	if t.node == nil {
		return t.refusal()
	}
	if w.filesystemOf(c, t.node, t.name) != nil {
		return Answer{}
	}
	w.told(c, t.node)
	return w.tellFilesystem(c, c.Args[1], true)
}

// statfsObject answers for the kernel's own object, as the tracee gets to it.
func (w *Worker) statfsObject(c *Call, name []byte) Answer {
	t := w.walk(c, atFDCWD, name, lookup{object: true})
	if t.beyond <= 0 {
		return t.refusal()
	}
	defer unix.Close(t.beyond)
	own := strconv.AppendInt(append(w.own[:0], "/proc/self/fd/"...), int64(t.beyond), 10)
	switch e := statfs(append(own, 0), &w.fs); {
	case e == unix.ENOSYS && w.shim.quirks.statfsENOSYS:
		if object := w.kernelName(t.beyond); object == "" || object[0] != '/' || w.statfsAbove([]byte(object)) != 0 {
			return Answer{}
		}
		return w.tellFilesystem(c, c.Args[1], true)
	case e != 0:
		return Answer{}
	}
	return w.tellFilesystem(c, c.Args[1], false)
}

// isOpenToAll tells whether everybody may pass through all folders that a name of the
// supervisor's leads through, from index from on, and neither one of them nor what it
// names is a link: then it is the same whether the supervisor looks or the tracee. everybody_may in
// seccomp/pass.c is the same for receivers in C.
func (w *Worker) isOpenToAll(own []byte, from int) bool {
	const all = unix.S_IXUSR | unix.S_IXGRP | unix.S_IXOTH
	for i := from; i < len(own); i++ {
		if own[i] != '/' || i > 0 && own[i-1] == '/' {
			continue
		}
		folder, flags := append(w.proc[:0], own[:max(i, 1)]...), unix.AT_SYMLINK_NOFOLLOW
		if from > 0 && i == from {
			flags = 0 // the magic link to where a relative name starts
		}
		if fstatat(atFDCWD, append(folder, 0), &w.st, flags) != 0 ||
			w.st.Mode&unix.S_IFMT != unix.S_IFDIR || w.st.Mode&all != all {
			return false
		}
	}
	return fstatat(atFDCWD, append(append(w.proc[:0], own...), 0), &w.st, unix.AT_SYMLINK_NOFOLLOW) == 0 &&
		w.st.Mode&unix.S_IFMT != unix.S_IFLNK
}

// reachable tells whether a name leads the tracee itself to an object of the kernel's.
func (w *Worker) reachable(c *Call, name []byte) bool {
	was := w.fs // the walk asks about filesystems as well
	defer func() { w.fs = was }()
	t := w.walk(c, atFDCWD, name, lookup{object: true})
	if t.beyond > 0 {
		unix.Close(t.beyond)
	}
	return t.beyond > 0
}

// statfsAbove asks about the nearest folder of a file for which the kernel has
// an answer: the same filesystem, unless the file is a mount point. (Old
// gVisor has none for the folders below /proc/sys either.)
func (w *Worker) statfsAbove(own []byte) unix.Errno {
	w.count.node(lieStatfs)
	for {
		own = dirName(own)
		if e := statfs(append(append(w.proc[:0], own...), 0), &w.fs); e != unix.ENOSYS || len(own) <= 1 {
			return e
		}
	}
}

// filesystemOf asks about the nearest real folder above a served name, unless
// that is on a filesystem of its own.
func (w *Worker) filesystemOf(c *Call, n *fakefs.Node, name string) error {
	if n.On != nil {
		w.fs = describe(n.On)
		return nil
	}
	r := w.rootFor(c)
	for dir := path.Dir(name); ; dir = path.Dir(dir) {
		err := r.statfs(dir, &w.fs)
		if err == nil || dir == "/" {
			return err
		}
	}
}

// describe is what statfs(2) says of a filesystem that has no storage
// (simple_statfs in fs/libfs.c).
func describe(on *fakefs.Filesystem) (fs unix.Statfs_t) {
	const valid, readOnly, noSUID, noDev, noExec, relatime = 0x20, 1, 2, 4, 8, 0x1000
	set(&fs.Type, uint64(on.Magic))
	set(&fs.Bsize, 4096)
	set(&fs.Frsize, 4096)
	set(&fs.Namelen, 255)
	flags := uint64(valid | noSUID | noDev | noExec | relatime)
	if on.ReadOnly {
		flags |= readOnly
	}
	set(&fs.Flags, flags)
	return fs
}

func (w *Worker) fstatfs(c *Call) Answer {
	fd := dirfdOf(c.Args[0])
	if fd < 0 {
		return Answer{}
	}
	if a, done := w.statfsMounted(c, fd, 0, c.Args[1]); done {
		return a
	}
	own := w.descriptor(c.TID, fd)
	switch e := statfs(append(own, 0), &w.fs); {
	case e == unix.ENOSYS && w.shim.quirks.statfsENOSYS:
		n, e := readlinkat(atFDCWD, append(w.descriptor(c.TID, fd), 0), w.link[:])
		if e != 0 || n == 0 || w.link[0] != '/' || w.statfsAbove(w.link[:n]) != 0 {
			return Answer{}
		}
		return w.tellFilesystem(c, c.Args[1], true)
	case e != 0:
		return Answer{}
	}
	if h := w.handedTo(c, fd); h != nil {
		if w.filesystemOf(c, h.node, h.name) != nil {
			return Answer{}
		}
		w.told(c, h.node)
		return w.tellFilesystem(c, c.Args[1], true)
	}
	return w.tellFilesystem(c, c.Args[1], false)
}

// tellFilesystem gives the tracee what was just asked, with the type told as
// the profile says. Where there is nothing to tell that the kernel
// would not say itself (must is false), the kernel does: the answer is the same.
func (w *Worker) tellFilesystem(c *Call, out uint64, must bool) Answer {
	lie := w.shim.tree.Filesystem(int64(w.fs.Type))
	if lie == nil && !must {
		return Answer{}
	}
	if lie != nil {
		set(&w.fs.Type, uint64(lie.Report.Magic))
		w.count.types.Add(1)
	}
	if err := c.Tracee.WriteMemory(out, bytesOf(&w.fs)); err != nil {
		return unwritable(err)
	}
	return Answer{Kind: Return}
}
