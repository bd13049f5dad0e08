package shim

import "golang.org/x/sys/unix"

// Waits tells whether an open that the kernel was left to make may sleep there
// until another process comes: its name leads to a FIFO whose other end nobody
// has opened (fifo(7)).
//
// The tracee may be running on. That its memory may have changed is harmless: the
// answer decides only whether the thread is interrupted.
func (w *Worker) Waits(c *Call) (waits bool) {
	var a Answer
	defer w.recovered(c, &a)
	w.ahead, w.looked = nil, 0
	if traceesServe.Load() {
		return false // the look itself might wait
	}
	dirfd, addr, flags, ok := w.opens(c)
	if !ok || flags&(unix.O_NONBLOCK|unix.O_PATH|unix.O_DIRECTORY) != 0 || flags&unix.O_ACCMODE == unix.O_RDWR {
		return false
	}
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return false
	}
	// What is the tracee's own (its descriptors, another root) has to be walked.
	if w.sharesRoot(c, w.shim.ground.Load()) {
		if name[0] != '/' && !w.climbs(c, dirfd, name) {
			own := append(append(w.throughTracee(c.TID, dirfd), name...), 0)
			return fstatat(atFDCWD, own, &w.st, 0) == 0 && isFIFO(&w.st)
		}
		clean, ok := cleanLexically(w.clean[:0], name)
		if name[0] == '/' && ok && !isBelow(clean, "/proc") && !isBelow(clean, "/dev/fd") {
			own := append(append(w.own[:0], name...), 0)
			return fstatat(atFDCWD, own, &w.st, 0) == 0 && isFIFO(&w.st)
		}
	}
	k := walker{w: w, c: c, rest: name}
	defer k.release()
	_, _ = k.run(dirfd, name) // what matters is where it ends
	return len(k.rest) == 0 && len(k.stack) > 0 && k.top().fd >= 0 && isFIFO(&k.top().st)
}

// opens takes a call of the open family apart.
func (w *Worker) opens(c *Call) (dirfd int, addr uint64, flags int, ok bool) {
	switch c.Nr {
	case sysOpen:
		return atFDCWD, c.Args[0], int(int32(c.Args[1])), true
	case sysCreat:
		return atFDCWD, c.Args[0], unix.O_WRONLY, true
	case unix.SYS_OPENAT:
		return dirfdOf(c.Args[0]), c.Args[1], int(int32(c.Args[2])), true
	case unix.SYS_OPENAT2:
		how := w.data[:8]
		n, err := c.Tracee.ReadMemory(c.Args[2], how)
		return dirfdOf(c.Args[0]), c.Args[1], int(word(how)), err == nil && n == len(how)
	}
	return 0, 0, 0, false
}

func isFIFO(st *unix.Stat_t) bool { return st.Mode&unix.S_IFMT == unix.S_IFIFO }
