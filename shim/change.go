package shim

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// chmod(2) and chown(2) and their kin: groups and their files keep what they
// are given, as kernfs does (kernfs_iop_setattr in fs/kernfs/inode.c). Of all
// other served files nothing can be changed; by name the kernel says so itself.

func (w *Worker) chmod(c *Call) Answer {
	return w.changeMode(c, atFDCWD, c.Args[0], uint32(c.Args[1]), lookup{})
}

func (w *Worker) fchmodat(c *Call) Answer {
	return w.changeMode(c, dirfdOf(c.Args[0]), c.Args[1], uint32(c.Args[2]), lookup{})
}

func (w *Worker) fchmodat2(c *Call) Answer {
	flags := c.Args[3]
	if w.meansDescriptor(c, c.Args[1], flags) {
		return w.fchangeMode(c, uint32(c.Args[2]))
	}
	return w.changeMode(c, dirfdOf(c.Args[0]), c.Args[1], uint32(c.Args[2]), followsAs(flags))
}

func (w *Worker) chown(c *Call) Answer {
	return w.changeOwner(c, atFDCWD, c.Args[0], c.Args[1], c.Args[2], lookup{})
}

func (w *Worker) lchown(c *Call) Answer {
	return w.changeOwner(c, atFDCWD, c.Args[0], c.Args[1], c.Args[2], lookup{nofollow: true})
}

func (w *Worker) fchownat(c *Call) Answer {
	flags := c.Args[4]
	if w.meansDescriptor(c, c.Args[1], flags) {
		return w.fchangeOwner(c, c.Args[2], c.Args[3])
	}
	return w.changeOwner(c, dirfdOf(c.Args[0]), c.Args[1], c.Args[2], c.Args[3], followsAs(flags))
}

// meansDescriptor tells whether a call with AT_EMPTY_PATH gives no name.
func (w *Worker) meansDescriptor(c *Call, addr, flags uint64) bool {
	if flags&unix.AT_EMPTY_PATH == 0 {
		return false
	}
	name, ok := w.readPath(c.Tracee, addr)
	return ok && len(name) == 0
}

// followsAs is whether a call with AT_SYMLINK_NOFOLLOW among its flags follows a link.
func followsAs(flags uint64) lookup {
	return lookup{nofollow: flags&unix.AT_SYMLINK_NOFOLLOW != 0}
}

// changeable resolves a name to a node on a served filesystem.
func (w *Worker) changeable(c *Call, dirfd int, addr uint64, how lookup) (*fakefs.Node, Answer) {
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return nil, Answer{}
	}
	t := w.resolve(c, dirfd, name, how)
	if t.node == nil || t.node.On == nil {
		if t.node == nil {
			return nil, t.change()
		}
		return nil, Answer{}
	}
	return t.node, Answer{}
}

func (w *Worker) changeMode(c *Call, dirfd int, addr uint64, mode uint32, how lookup) Answer {
	n, a := w.changeable(c, dirfd, addr, how)
	if n == nil {
		return a
	}
	return w.setMode(c, n, mode)
}

func (w *Worker) setMode(c *Call, n *fakefs.Node, mode uint32) Answer {
	return w.setAttributes(c, n, func(who *status, a *cgroup.Attributes) bool {
		if who.fsuid != a.UID && !who.hasOver(unix.CAP_FOWNER, a.UID, a.GID) {
			return false
		}
		a.Mode = mode & 0o7777
		if !n.Mode.IsDir() && a.GID != 0 && !who.inGroup(a.GID) && !who.has(unix.CAP_FSETID) {
			a.Mode &^= unix.S_ISGID
		}
		return true
	})
}

func (w *Worker) changeOwner(c *Call, dirfd int, addr, uid, gid uint64, how lookup) Answer {
	n, a := w.changeable(c, dirfd, addr, how)
	if n == nil {
		return a
	}
	return w.setOwner(c, n, uid, gid)
}

func (w *Worker) setOwner(c *Call, n *fakefs.Node, uid, gid uint64) Answer {
	const same = 1<<32 - 1
	return w.setAttributes(c, n, func(who *status, a *cgroup.Attributes) bool {
		toUID, toGID := uint32(uid), uint32(gid)
		if toUID == same {
			toUID = a.UID
		}
		if toGID == same {
			toGID = a.GID
		}
		// The owner may give it to a group of its own (setattr_prepare in fs/attr.c).
		own := who.fsuid == a.UID && toUID == a.UID && (toGID == a.GID || who.inGroup(toGID))
		if !own && !who.hasOver(unix.CAP_CHOWN, a.UID, a.GID) {
			return false
		}
		a.UID, a.GID = toUID, toGID
		if !n.Mode.IsDir() {
			// A file that changes hands loses the bits that would lend its owner's
			// rights (chown_common in fs/open.c, setattr_should_drop_sgid).
			a.Mode &^= unix.S_ISUID
			if a.Mode&unix.S_IXGRP != 0 {
				a.Mode &^= unix.S_ISGID
			}
		}
		return true
	})
}

// setAttributes makes a change that the caller may make.
func (w *Worker) setAttributes(c *Call, n *fakefs.Node, change func(*status, *cgroup.Attributes) bool) Answer {
	who, err := w.who(c)
	switch {
	case err != nil:
		return fail(troubleOf(err))
	case n.On.ReadOnly || n.Object == nil:
		return fail(unix.EROFS)
	}
	allowed := false
	n.Object.Change(func(a *cgroup.Attributes) { allowed = change(&who, a) })
	if !allowed {
		return fail(unix.EPERM)
	}
	w.told(c, n)
	return Answer{Kind: Return}
}

// fchmod(2) and fchown(2) of what was handed out: a sysctl's mode and owner
// cannot be changed (proc_sys_setattr), and a stand-in's must not.

func (w *Worker) fchmod(c *Call) Answer { return w.fchangeMode(c, uint32(c.Args[1])) }

func (w *Worker) fchangeMode(c *Call, mode uint32) Answer {
	h := w.handedTo(c, dirfdOf(c.Args[0]))
	switch {
	case h == nil:
		return Answer{}
	case h.node.On != nil:
		return w.setMode(c, h.node, mode)
	}
	w.told(c, h.node)
	return fail(unix.EPERM)
}

func (w *Worker) fchown(c *Call) Answer {
	if a := w.fchangeOwner(c, c.Args[1], c.Args[2]); a.Kind != Continue {
		return a
	}
	return w.fchownPipe(c)
}

func (w *Worker) fchangeOwner(c *Call, uid, gid uint64) Answer {
	h := w.handedTo(c, dirfdOf(c.Args[0]))
	switch {
	case h == nil:
		return Answer{}
	case h.node.On != nil:
		return w.setOwner(c, h.node, uid, gid)
	}
	w.told(c, h.node)
	return fail(unix.EPERM)
}
