package shim

import "golang.org/x/sys/unix"

// stat, lstat, newfstatat and fstat (stat(2)).

func (w *Worker) stat(c *Call) Answer {
	return w.statName(c, atFDCWD, c.Args[0], c.Args[1], 0)
}

func (w *Worker) lstat(c *Call) Answer {
	return w.statName(c, atFDCWD, c.Args[0], c.Args[1], unix.AT_SYMLINK_NOFOLLOW)
}

func (w *Worker) newfstatat(c *Call) Answer {
	const known = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | unix.AT_EMPTY_PATH
	if uint32(c.Args[3])&^known != 0 {
		return Answer{} // EINVAL
	}
	a := w.statName(c, dirfdOf(c.Args[0]), c.Args[1], c.Args[2], int(int32(c.Args[3])))
	if a.Kind == Continue && c.Args[3]&unix.AT_NO_AUTOMOUNT != 0 && w.shim.quirks.statxNoAutomount {
		return w.withoutAutomount(c, 3)
	}
	return a
}

func (w *Worker) fstat(c *Call) Answer {
	return w.statHanded(c, dirfdOf(c.Args[0]), c.Args[1])
}

func (w *Worker) statName(c *Call, dirfd int, name, out uint64, flags int) Answer {
	if a, done := w.statMounted(c, dirfd, name, out, flags); done {
		return a
	}
	a, t, ok := w.attributes(c, dirfd, name, flags)
	switch {
	case ok:
		a.stat(&w.st)
	case t.beyond > 0:
		fstat(t.beyond, &w.st)
		unix.Close(t.beyond)
	default:
		return t.refusal()
	}
	return w.give(c, t, out, bytesOf(&w.st))
}

// statHanded answers for a descriptor: only if it is one that was handed out.
func (w *Worker) statHanded(c *Call, fd int, out uint64) Answer {
	h := w.handedTo(c, fd)
	if h == nil {
		a, _ := w.statMounted(c, fd, 0, out, unix.AT_EMPTY_PATH)
		return a
	}
	a := w.shim.attributesOf(h.node, h.name, w.rootFor(c))
	a.stat(&w.st)
	return w.give(c, target{node: h.node}, out, bytesOf(&w.st))
}

// attributes resolves what a stat-like call asks for. When not ok, the target
// tells whether to refuse or to let the kernel answer.
func (w *Worker) attributes(c *Call, dirfd int, addr uint64, flags int) (attributes, target, bool) {
	name, ok := w.readPath(c.Tracee, addr)
	if !ok && !(addr == 0 && flags&unix.AT_EMPTY_PATH != 0) {
		return attributes{}, target{}, false
	}
	if len(name) == 0 {
		if flags&unix.AT_EMPTY_PATH == 0 {
			return attributes{}, target{}, false
		}
		if h := w.handedTo(c, dirfd); h != nil {
			return w.shim.attributesOf(h.node, h.name, w.rootFor(c)), target{node: h.node}, true
		}
		return attributes{}, target{}, false
	}
	t := w.resolve(c, dirfd, name, lookup{nofollow: flags&unix.AT_SYMLINK_NOFOLLOW != 0, beyond: true})
	if !t.ours() || t.errno != 0 {
		return attributes{}, t, false
	}
	return w.shim.attributesOf(t.node, t.name, w.rootFor(c)), t, true
}

// handedTo returns what a tracee's descriptor stands for, nil if it is not ours.
// One look-up.
func (w *Worker) handedTo(c *Call, fd int) *handedOut {
	st, e := w.statDescriptor(c.TID, fd)
	if e != 0 {
		return nil
	}
	h, _ := w.shim.handed.get(identityOf(st))
	return h
}

// openHanded opens the object behind the descriptor in a call's first argument anew, if
// that is one which was handed out. Another thread of the tracee may have given the
// number to another file meanwhile, which the supervisor has no business to open: so the
// object is looked at before.
func (w *Worker) openHanded(c *Call, flags int) (fd int, ok bool) {
	object, e := openat(atFDCWD, append(w.descriptor(c.TID, dirfdOf(c.Args[0])), 0), unix.O_PATH|unix.O_CLOEXEC)
	if e != 0 {
		return -1, false
	}
	defer unix.Close(object)
	var st unix.Stat_t
	if fstat(object, &st) != 0 {
		return -1, false
	}
	if _, ours := w.shim.handed.get(identityOf(&st)); !ours {
		return -1, false
	}
	fd, e = openat(atFDCWD, []byte("/proc/self/fd/"+itoa(object)+"\x00"), flags|unix.O_CLOEXEC)
	return fd, e == 0
}

// refusal is the answer for a target that is not served: an errno that is ours
// to give, or the kernel's own answer.
func (t *target) refusal() Answer {
	if t.errno != 0 {
		return Answer{Kind: Fail, Errno: t.errno}
	}
	return Answer{}
}

// change is the same for a call that changes something, which is refused on doubt.
func (t *target) change() Answer {
	if t.trouble != 0 {
		return Answer{Kind: Fail, Errno: t.trouble}
	}
	return t.refusal()
}

// give writes a structure to the tracee and returns 0; where the tracee's
// pointer is bad it gets EFAULT as from the kernel.
func (w *Worker) give(c *Call, t target, out uint64, data []byte) Answer {
	if err := c.Tracee.WriteMemory(out, data); err != nil {
		return unwritable(err)
	}
	if t.node != nil {
		w.told(c, t.node)
	}
	return Answer{Kind: Return}
}

func unwritable(err error) Answer {
	if err == unix.EFAULT {
		return Answer{Kind: Fail, Errno: unix.EFAULT}
	}
	return Answer{}
}
