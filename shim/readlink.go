package shim

import (
	"golang.org/x/sys/unix"
)

// readlink and readlinkat (readlink(2)): links that the tree serves, EINVAL for
// what is none and the kernel lacks, and, with "links: exact", the links in
// /proc/PID/fd of descriptors that were handed out.

func (w *Worker) readlink(c *Call) Answer {
	return w.readlinkName(c, atFDCWD, c.Args[0], c.Args[1], c.Args[2])
}

func (w *Worker) readlinkat(c *Call) Answer {
	return w.readlinkName(c, dirfdOf(c.Args[0]), c.Args[1], c.Args[2], c.Args[3])
}

func (w *Worker) readlinkName(c *Call, dirfd int, addr, buf, size uint64) Answer {
	if int32(size) <= 0 {
		return Answer{} // EINVAL
	}
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return Answer{}
	}
	if says, ok := w.handedLink(c, dirfd, name); ok {
		return w.giveText(c, buf, size, says)
	}
	if says, ok := w.linkMounted(c, dirfd, name); ok {
		return w.giveText(c, buf, size, says)
	}
	if !w.shim.hasLinks {
		return Answer{}
	}
	t := w.resolve(c, dirfd, name, lookup{nofollow: true, real: true})
	switch {
	case t.errno != 0:
		return t.refusal()
	case t.node == nil:
		return Answer{}
	case t.node.Mode&modeSymlink == 0:
		if t.real {
			return Answer{}
		}
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	w.told(c, t.node)
	return w.giveText(c, buf, size, t.node.Target)
}

// handedLink tells what a link in /proc/PID/fd, or a cwd link, has to say when it leads to
// something handed out. One look-up: the object behind the name; procfs shows
// the same object whoever follows its links.
func (w *Worker) handedLink(c *Call, dirfd int, name []byte) (string, bool) {
	if !w.shim.exactLinks {
		return "", false
	}
	own := w.own[:0]
	if name[0] != '/' {
		if dirfd == atFDCWD {
			own = w.ofTracee(c.TID, "cwd/")
		} else if dirfd < 0 {
			return "", false
		} else {
			own = append(w.descriptor(c.TID, dirfd), '/')
		}
		own = append(own, name...)
	} else if clean, ok := cleanLexically(w.clean[:0], name); ok && isBelow(clean, "/proc/self") {
		own = append(w.ofTracee(c.TID, ""), clean[len("/proc/self"):]...)
	} else if ok && isBelow(clean, "/proc/thread-self") {
		own = append(w.ofTracee(c.TID, ""), clean[len("/proc/thread-self"):]...)
	} else if ok && isBelow(clean, "/dev/fd") {
		own = append(w.ofTracee(c.TID, "fd"), clean[len("/dev/fd"):]...)
	} else {
		own = append(own, name...)
	}
	if fstatat(atFDCWD, append(own, 0), &w.st, 0) != 0 {
		return "", false
	}
	h, ok := w.shim.handed.get(identityOf(&w.st))
	if !ok {
		return "", false
	}
	return w.shim.outside(c.TID, h.name), true
}

// giveText writes a link's text, cut at the size of the buffer and without NUL.
func (w *Worker) giveText(c *Call, buf, size uint64, says string) Answer {
	if uint64(len(says)) > size {
		says = says[:size]
	}
	if err := c.Tracee.WriteMemory(buf, []byte(says)); err != nil {
		return unwritable(err)
	}
	return Answer{Kind: Return, Value: int64(len(says))}
}

// getcwd(2): only a served directory that the kernel does not have needs help;
// the kernel would call it removed (ENOENT).
func (w *Worker) getcwd(c *Call) Answer {
	h := w.handedTo(c, atFDCWD)
	if h == nil {
		name, ok := w.cwdMounted(c)
		if !ok {
			return Answer{}
		}
		h = &handedOut{name: name}
	}
	says := append([]byte(w.shim.outside(c.TID, h.name)), 0)
	if uint64(len(says)) > c.Args[1] {
		return Answer{Kind: Fail, Errno: unix.ERANGE}
	}
	if err := c.Tracee.WriteMemory(c.Args[0], says); err != nil {
		return unwritable(err)
	}
	if h.node != nil {
		w.told(c, h.node)
	}
	return Answer{Kind: Return, Value: int64(len(says))}
}
