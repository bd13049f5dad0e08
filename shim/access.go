package shim

import (
	"golang.org/x/sys/unix"
)

// access, faccessat and faccessat2 (access(2)).

func (w *Worker) access(c *Call) Answer {
	return w.accessName(c, atFDCWD, c.Args[0], uint32(c.Args[1]), 0)
}

func (w *Worker) faccessat(c *Call) Answer {
	return w.accessName(c, dirfdOf(c.Args[0]), c.Args[1], uint32(c.Args[2]), 0)
}

func (w *Worker) faccessat2(c *Call) Answer {
	return w.accessName(c, dirfdOf(c.Args[0]), c.Args[1], uint32(c.Args[2]), int(int32(c.Args[3])))
}

func (w *Worker) accessName(c *Call, dirfd int, addr uint64, mode uint32, flags int) Answer {
	if mode&^7 != 0 || flags&^(unix.AT_EACCESS|unix.AT_SYMLINK_NOFOLLOW|unix.AT_EMPTY_PATH) != 0 {
		return Answer{} // EINVAL
	}
	name, ok := w.readPath(c.Tracee, addr)
	if !ok {
		return Answer{}
	}
	var t target
	if len(name) > 0 {
		t = w.resolve(c, dirfd, name, lookup{nofollow: flags&unix.AT_SYMLINK_NOFOLLOW != 0})
	} else if flags&unix.AT_EMPTY_PATH != 0 {
		if h := w.handedTo(c, dirfd); h != nil {
			t.node = h.node
		}
	}
	if t.node == nil {
		return t.refusal()
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}
	}
	if flags&unix.AT_EACCESS == 0 {
		who.asReal()
	}
	w.told(c, t.node)
	if on := t.node.On; on != nil && on.ReadOnly && mode&unix.W_OK != 0 {
		return Answer{Kind: Fail, Errno: unix.EROFS}
	}
	if mode != 0 && t.node.Mode&modeSymlink == 0 && !t.permits(&who, mode) {
		return Answer{Kind: Fail, Errno: unix.EACCES}
	}
	return Answer{Kind: Return}
}
