package shim

import (
	"bytes"
	"path"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// Calls that make, remove and rename directories. In served cgroups they are
// carried out here; everywhere else the kernel does them, after one look-up of
// the folder that they name.

func (w *Worker) mkdir(c *Call) Answer {
	return w.makeGroup(c, atFDCWD, c.Args[0], uint32(c.Args[1]))
}

func (w *Worker) mkdirat(c *Call) Answer {
	return w.makeGroup(c, dirfdOf(c.Args[0]), c.Args[1], uint32(c.Args[2]))
}

func (w *Worker) rmdir(c *Call) Answer { return w.removeGroup(c, atFDCWD, c.Args[0]) }

func (w *Worker) unlink(c *Call) Answer { return w.unlinkFile(c, atFDCWD, c.Args[0]) }

func (w *Worker) unlinkat(c *Call) Answer {
	switch uint32(c.Args[2]) {
	case 0:
		return w.unlinkFile(c, dirfdOf(c.Args[0]), c.Args[1])
	case unix.AT_REMOVEDIR:
		return w.removeGroup(c, dirfdOf(c.Args[0]), c.Args[1])
	}
	return Answer{} // EINVAL
}

func (w *Worker) rename(c *Call) Answer {
	return w.renameGroup(c, atFDCWD, c.Args[0], atFDCWD, c.Args[1], 0)
}

func (w *Worker) renameat(c *Call) Answer {
	return w.renameGroup(c, dirfdOf(c.Args[0]), c.Args[1], dirfdOf(c.Args[2]), c.Args[3], 0)
}

func (w *Worker) renameat2(c *Call) Answer {
	return w.renameGroup(c, dirfdOf(c.Args[0]), c.Args[1], dirfdOf(c.Args[2]), c.Args[3], uint32(c.Args[4]))
}

// A place is a name as calls see it that make or remove it: a folder, which
// has to be on a served filesystem, and what is to stand in it.
type place struct {
	folder *fakefs.Node
	name   string // of the folder
	last   string
	slash  bool // it ended in a slash
}

// full is the name in the tree.
func (p *place) full() string { return path.Join(p.name, p.last) }

// placeAt resolves the folder of a name (filename_parentat in fs/namei.c). When
// it is none of ours the folder is nil, and the answer says what to do.
func (w *Worker) placeAt(c *Call, dirfd int, addr uint64) (place, Answer) {
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return place{}, Answer{}
	}
	trimmed := bytes.TrimRight(name, "/")
	p := place{slash: len(trimmed) < len(name)}
	p.last = string(trimmed[bytes.LastIndexByte(trimmed, '/')+1:])
	if p.last == "" {
		return place{}, Answer{} // the root
	}
	t := w.resolve(c, dirfd, dirName(name), lookup{})
	switch {
	case t.errno != 0 || t.trouble != 0:
		return place{}, t.change()
	case t.node == nil || t.node.On == nil:
		return place{}, Answer{}
	case !t.node.Mode.IsDir():
		return place{}, Answer{Kind: Fail, Errno: unix.ENOTDIR}
	}
	p.folder, p.name = t.node, t.name
	return p, Answer{}
}

// dots tells that the last component is "." or "..".
func (p *place) dots() bool { return p.last == "." || p.last == ".." }

// mayChange checks what has to be so before anything is made or removed in a
// folder: that it can be written to at all, and by whom.
func (w *Worker) mayChange(c *Call, folder *fakefs.Node) (status, unix.Errno) {
	who, err := w.who(c)
	switch {
	case folder.On.ReadOnly:
		return who, unix.EROFS
	case err != nil:
		return who, unix.ESRCH
	case !who.may(folder, unix.W_OK|unix.X_OK, who.fsuid, who.fsgid):
		return who, unix.EACCES
	}
	return who, 0
}

func fail(err error) Answer {
	if errno, ok := err.(unix.Errno); ok {
		return Answer{Kind: Fail, Errno: errno}
	}
	return Answer{Kind: Fail, Errno: unix.EIO}
}

func (w *Worker) makeGroup(c *Call, dirfd int, addr uint64, mode uint32) Answer {
	p, a := w.placeAt(c, dirfd, addr)
	if p.folder == nil {
		if a.Kind == Continue && w.shim.tellsFolders {
			return w.makeTold(c, dirfd, addr, mode)
		}
		return a
	}
	if p.dots() || w.shim.tree.Lookup(p.full()) != nil {
		return fail(unix.EEXIST)
	}
	who, errno := w.mayChange(c, p.folder)
	switch {
	case errno != 0:
		return fail(errno)
	case p.folder.Group == nil:
		return fail(unix.EPERM)
	}
	if err := p.folder.Group.Make(p.last, mode&^who.umask, callerOf(&who)); err != nil {
		return fail(err)
	}
	w.told(c, p.folder)
	return Answer{Kind: Return}
}

func (w *Worker) removeGroup(c *Call, dirfd int, addr uint64) Answer {
	p, a := w.placeAt(c, dirfd, addr)
	if p.folder == nil {
		return a
	}
	switch p.last {
	case "..":
		return fail(unix.ENOTEMPTY)
	case ".":
		return fail(unix.EINVAL)
	}
	n, a := w.doomed(c, &p)
	switch {
	case n == nil:
		return a
	case !n.Mode.IsDir():
		return fail(unix.ENOTDIR)
	case n.Covers():
		return fail(unix.EBUSY)
	}
	if err := p.folder.Group.Remove(p.last); err != nil {
		return fail(err)
	}
	w.shim.forget(p.full())
	w.told(c, p.folder)
	return Answer{Kind: Return}
}

// doomed is what is to be removed or renamed, if the caller may do that
// (may_delete in fs/namei.c).
func (w *Worker) doomed(c *Call, p *place) (*fakefs.Node, Answer) {
	if p.folder.On.ReadOnly {
		return nil, fail(unix.EROFS)
	}
	n := w.shim.tree.Lookup(p.full())
	if n == nil {
		return nil, fail(unix.ENOENT)
	}
	if _, errno := w.mayChange(c, p.folder); errno != 0 {
		return nil, fail(errno)
	}
	return n, Answer{}
}

// unlinkFile refuses to remove a file: cgroups have no unlink.
func (w *Worker) unlinkFile(c *Call, dirfd int, addr uint64) Answer {
	p, a := w.placeAt(c, dirfd, addr)
	if p.folder == nil {
		return a
	}
	if p.dots() {
		return fail(unix.EISDIR)
	}
	n, a := w.doomed(c, &p)
	switch {
	case n == nil:
		return a
	case n.Mode.IsDir():
		return fail(unix.EISDIR)
	case p.slash:
		return fail(unix.ENOTDIR)
	}
	return fail(unix.EPERM)
}

func (w *Worker) renameGroup(c *Call, fromDir int, from uint64, toDir int, to uint64, flags uint32) Answer {
	const known = unix.RENAME_NOREPLACE | unix.RENAME_EXCHANGE | unix.RENAME_WHITEOUT
	unknown := flags&^known != 0 || flags&unix.RENAME_EXCHANGE != 0 && flags != unix.RENAME_EXCHANGE
	old, a := w.placeAt(c, fromDir, from)
	if old.folder == nil && a.Kind != Continue {
		return a
	}
	into, a := w.placeAt(c, toDir, to)
	if into.folder == nil && a.Kind != Continue {
		return a
	}
	switch {
	case old.folder == nil && into.folder == nil:
		return Answer{}
	case unknown:
		return fail(unix.EINVAL)
	case old.folder == nil || into.folder == nil || old.folder.On != into.folder.On:
		return fail(unix.EXDEV)
	case old.dots() || into.dots():
		return fail(unix.EBUSY)
	}
	n, a := w.doomed(c, &old)
	if n == nil {
		return a
	}
	target := w.shim.tree.Lookup(into.full())
	switch {
	case target != nil && flags&unix.RENAME_NOREPLACE != 0:
		return fail(unix.EEXIST)
	case target == nil && flags&unix.RENAME_EXCHANGE != 0:
		return fail(unix.ENOENT)
	case !n.Mode.IsDir() && (old.slash || into.slash):
		return fail(unix.ENOTDIR)
	case isBelow([]byte(into.name), old.full()):
		return fail(unix.EINVAL) // into itself
	case isBelow([]byte(old.name), into.full()):
		return fail(unix.ENOTEMPTY)
	case n.Covers() || target != nil && target.Covers():
		return fail(unix.EBUSY)
	case target != nil && n.Mode.IsDir() && !target.Mode.IsDir():
		return fail(unix.ENOTDIR)
	case target != nil && !n.Mode.IsDir() && target.Mode.IsDir():
		return fail(unix.EISDIR)
	}
	if _, errno := w.mayChange(c, into.folder); errno != 0 {
		return fail(errno)
	}
	if flags != 0 {
		return fail(unix.EINVAL)
	}
	if err := old.folder.Group.Rename(old.last, into.folder.Group, into.last); err != nil {
		return fail(err)
	}
	w.shim.forget(old.full())
	w.told(c, old.folder)
	return Answer{Kind: Return}
}
