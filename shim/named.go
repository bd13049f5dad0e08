package shim

import (
	"bytes"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Calls that take the name of a file and that a served file answers with an
// errno or a constant, as a file of procfs does: truncate, the xattr calls,
// inotify_add_watch, name_to_handle_at. The kernel answers for every file
// that it has itself.

// onFake resolves the name at addr and returns its target only where the
// kernel has no such file.
func (w *Worker) onFake(c *Call, dirfd int, addr uint64, nofollow bool) (t target, fake bool) {
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return target{}, false
	}
	t = w.resolve(c, dirfd, name, lookup{nofollow: nofollow, real: true})
	if t.fake() {
		w.told(c, t.node)
	}
	return t, t.fake()
}

// truncate(2): a sysctl takes any length and keeps its value (proc_sys_setattr
// in fs/proc/proc_sysctl.c). It is also refused here where the kernel has the
// file, for no write may reach the host.
func (w *Worker) truncate(c *Call) Answer {
	name, ok := w.readPath(c.Tracee, c.Args[0])
	if !ok || len(name) == 0 || int64(c.Args[1]) < 0 {
		return Answer{} // EINVAL
	}
	t := w.resolve(c, atFDCWD, name, lookup{})
	if t.node == nil {
		return t.change()
	}
	if t.node.Mode.IsDir() {
		return Answer{Kind: Fail, Errno: unix.EISDIR}
	}
	if !t.node.Mode.IsRegular() {
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	who, err := w.who(c)
	if err != nil {
		return fail(troubleOf(err))
	}
	w.told(c, t.node)
	if !who.may(t.node, unix.W_OK, who.fsuid, who.fsgid) {
		return Answer{Kind: Fail, Errno: unix.EACCES}
	}
	return Answer{Kind: Return}
}

// The xattr calls (xattr(7)): files of procfs have none and take none.

func (w *Worker) getxattr(c *Call) Answer  { return w.noXattr(c, false, false) }
func (w *Worker) lgetxattr(c *Call) Answer { return w.noXattr(c, true, false) }
func (w *Worker) setxattr(c *Call) Answer  { return w.noXattr(c, false, true) }
func (w *Worker) lsetxattr(c *Call) Answer { return w.noXattr(c, true, true) }
func (w *Worker) rmxattr(c *Call) Answer   { return w.noXattr(c, false, true) }
func (w *Worker) lrmxattr(c *Call) Answer  { return w.noXattr(c, true, true) }

func (w *Worker) noXattr(c *Call, nofollow, change bool) Answer {
	t, fake := w.onFake(c, atFDCWD, c.Args[0], nofollow)
	if t.errno != 0 {
		if name, ok := w.readPath(c.Tracee, c.Args[1]); ok && len(name) == 0 {
			return Answer{Kind: Fail, Errno: unix.ERANGE} // the kernel looks at that first
		}
	}
	switch {
	case !fake && change:
		return t.change()
	case !fake:
		return t.refusal()
	}
	return w.refuseXattr(c, t.node, change)
}

// refuseXattr refuses a call on one attribute, after the kernel's own checks of
// its name and of permission (fs/xattr.c).
func (w *Worker) refuseXattr(c *Call, n *fakefs.Node, change bool) Answer {
	name, ok := w.readPath(c.Tracee, c.Args[1])
	switch {
	case !ok:
		return Answer{Kind: Fail, Errno: unix.EFAULT}
	case len(name) == 0 || len(name) > 255: // XATTR_NAME_MAX
		return Answer{Kind: Fail, Errno: unix.ERANGE}
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}
	}
	trusted := bytes.HasPrefix(name, []byte("trusted."))
	if (trusted || change && bytes.HasPrefix(name, []byte("security."))) && !who.has(unix.CAP_SYS_ADMIN) {
		if !change {
			return Answer{Kind: Fail, Errno: unix.ENODATA}
		}
		return Answer{Kind: Fail, Errno: unix.EPERM}
	}
	checked := !bytes.HasPrefix(name, []byte("system.")) && !bytes.HasPrefix(name, []byte("security.")) &&
		!trusted // those are not the file's owner's to permit (xattr_permission)
	if change && checked {
		if !who.may(n, unix.W_OK, who.fsuid, who.fsgid) {
			return Answer{Kind: Fail, Errno: unix.EACCES}
		}
	}
	return Answer{Kind: Fail, Errno: unix.EOPNOTSUPP}
}

// The same for descriptors: a stand-in could take attributes of its own.

func (w *Worker) fgetxattr(c *Call) Answer { return w.noXattrOf(c, false) }
func (w *Worker) fsetxattr(c *Call) Answer { return w.noXattrOf(c, true) }

func (w *Worker) noXattrOf(c *Call, change bool) Answer {
	h := w.handedTo(c, dirfdOf(c.Args[0]))
	if h == nil {
		return Answer{}
	}
	return w.refuseXattr(c, h.node, change)
}

func (w *Worker) listxattr(c *Call) Answer  { return w.emptyList(c, false) }
func (w *Worker) llistxattr(c *Call) Answer { return w.emptyList(c, true) }

func (w *Worker) emptyList(c *Call, nofollow bool) Answer {
	t, fake := w.onFake(c, atFDCWD, c.Args[0], nofollow)
	if !fake {
		return t.refusal()
	}
	return Answer{Kind: Return}
}

// firstWatch is where the watch descriptors for served files start, far from
// the kernel's, which count from 1.
const firstWatch = 1 << 30

// inotifyAddWatch accepts a watch on a served file. Events come from files of groups
// (watch.go); from others none ever comes, as none comes for a file of procfs that the
// kernel changes (inotify(7)).
func (w *Worker) inotifyAddWatch(c *Call) Answer {
	const nofollow = unix.IN_DONT_FOLLOW
	t, fake := w.onFake(c, atFDCWD, c.Args[1], c.Args[2]&nofollow != 0)
	if !fake {
		return t.refusal()
	}
	n, e := readlinkat(atFDCWD, append(w.descriptor(c.TID, dirfdOf(c.Args[0])), 0), w.link[:])
	switch {
	case c.Args[2]&unix.IN_ALL_EVENTS == 0:
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	case e != 0 || !bytes.HasPrefix(w.link[:n], []byte("anon_inode:")) || !bytes.Contains(w.link[:n], []byte("inotify")):
		return Answer{} // EBADF or EINVAL, says the kernel, before it looks at the name
	case c.Args[2]&unix.IN_ONLYDIR != 0 && !t.node.Mode.IsDir():
		return Answer{Kind: Fail, Errno: unix.ENOTDIR}
	}
	if who, err := w.who(c); err == nil && !who.may(t.node, unix.R_OK, who.fsuid, who.fsgid) {
		return Answer{Kind: Fail, Errno: unix.EACCES}
	}
	if file, ok := t.node.Object.(*cgroup.File); ok {
		if a, done := w.watchGroup(c, file); done {
			return a
		}
	}
	return Answer{Kind: Return, Value: firstWatch | int64(t.node.Ino&(firstWatch-1))}
}

// inotifyRmWatch takes such a watch back.
func (w *Worker) inotifyRmWatch(c *Call) Answer {
	if int32(c.Args[1]) < firstWatch {
		return Answer{}
	}
	return Answer{Kind: Return}
}

// name_to_handle_at(2): procfs cannot be exported.
func (w *Worker) nameToHandleAt(c *Call) Answer {
	const follow = unix.AT_SYMLINK_FOLLOW
	if c.Args[4]&^(follow|unix.AT_EMPTY_PATH) != 0 {
		return Answer{} // EINVAL, or a flag of a newer kernel
	}
	t, fake := w.onFake(c, dirfdOf(c.Args[0]), c.Args[1], c.Args[4]&follow == 0)
	if !fake {
		return t.refusal()
	}
	return Answer{Kind: Fail, Errno: unix.EOPNOTSUPP}
}
