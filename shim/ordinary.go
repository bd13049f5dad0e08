package shim

import (
	"bytes"
	"strconv"

	"golang.org/x/sys/unix"
)

// errOutside is of a name that leads out of the tracee's root as the supervisor follows it.
const errOutside = unix.EXDEV

// isOrdinary is the one look-up that a call which is not ours pays: it tells whether what
// lies under a name is surely not ours. A relative name is looked up through the tracee's
// own descriptor or working directory.
//
// root is the tracee's where that is another than ours, by the name that it has here, and
// "" else. An absolute link leads from the supervisor's root, which is found out by the
// name of what it leads to: what lies below the tracee's root was not come to by one.
func (w *Worker) isOrdinary(c *Call, t *territory, root string, dirfd int, name []byte, how lookup) bool {
	own := w.own[:0]
	switch {
	case name[0] != '/':
		if dirfd < 0 && dirfd != atFDCWD {
			return true // EBADF, says the kernel
		}
		if w.climbs(c, dirfd, name) {
			return false
		}
		own = w.throughTracee(c.TID, dirfd)
	case root != "":
		if first := bytes.TrimLeft(name, "/"); bytes.HasPrefix(first, []byte("proc/")) || bytes.HasPrefix(first, []byte("dev/")) {
			return false // "self" and "fd" are the tracee's there
		}
		own = w.ofTracee(c.TID, "root")
	}
	if root != "" && goesUp(name) {
		return false // no higher than its root
	}
	prefix := len(own)
	if trimmed := bytes.TrimRight(name, "/"); len(trimmed) < len(name) && len(trimmed) > 0 {
		name, how.nofollow = trimmed, false // a slash at the end follows a link
	}
	own = append(append(own, name...), 0)
	e, looked := unix.Errno(0), false
	if root == "" {
		e, looked = w.lookedAt(name)
	}
	if !looked {
		e = w.lookBelow(root, own, unix.AT_SYMLINK_NOFOLLOW)
	}
	if e == 0 && w.st.Mode&unix.S_IFMT == unix.S_IFLNK && !how.nofollow {
		if e = w.lookBelow(root, own, 0); e == unix.ENOENT {
			return false // it hangs for the kernel; what it names may be served
		}
	}
	if e == 0 {
		return !t.mayReplace(&w.st) && !w.inServedDirectory(&w.st)
	}
	// Unreadable folders, loops and names too long are the kernel's to refuse;
	// but what is missing in a served folder is not.
	for rest := name; e == unix.ENOENT || e == unix.ENOTDIR; {
		rest = dirName(rest)
		own = append(append(own[:prefix], rest...), 0)
		if e = w.lookBelow(root, own, 0); e == 0 {
			return !t.mayHold(&w.st) && !w.inServedDirectory(&w.st)
		}
		if len(rest) == 1 && (rest[0] == '.' || rest[0] == '/') {
			break
		}
		if e == unix.ENOENT && w.lookBelow(root, own, unix.AT_SYMLINK_NOFOLLOW) == 0 {
			return false // a hanging link in the middle
		}
	}
	return root == ""
}

// lookBelow is fstatat(2) into w.st, of what is below the tracee's root.
func (w *Worker) lookBelow(root string, own []byte, flags int) unix.Errno {
	if root == "" {
		return fstatat(atFDCWD, own, &w.st, flags)
	}
	open := unix.O_PATH | unix.O_CLOEXEC
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		open |= unix.O_NOFOLLOW
	}
	fd, e := openat(atFDCWD, own, open)
	if e != 0 {
		return e
	}
	defer unix.Close(fd)
	n, e := readlinkat(atFDCWD, append(strconv.AppendInt(append(w.fd[:0], "/proc/self/fd/"...), int64(fd), 10), 0), w.link[:])
	switch {
	case e != 0:
		return e
	case !isBelow(w.link[:n], root):
		return errOutside
	}
	if fstat(fd, &w.st) != 0 {
		return errOutside
	}
	return 0
}
