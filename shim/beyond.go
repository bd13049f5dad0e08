package shim

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// Objects of the kernel's that a tracee reached by way of a directory which the kernel
// does not know ("../../version" in a served one), so that only the supervisor has
// found them: target.beyond.

// openBeyond opens one, for who could have opened it. The kernel decides that:
// it is asked with the caller's rights.
func (w *Worker) openBeyond(c *Call, t *target, flags int) Answer {
	const made = unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC | unix.O_NOFOLLOW
	fd, errno := w.asCaller(c, func() (int, unix.Errno) { return openFor(t.beyond, flags&^(made&^unix.O_TRUNC)) })
	if errno != 0 {
		unix.Close(t.beyond)
		return Answer{Kind: Fail, Errno: errno}
	}
	var st unix.Stat_t
	waits := false
	if fd < 0 {
		fd = t.beyond
		waits = fstat(fd, &st) == 0 && !isFileOrFolder(&st)
	} else {
		unix.Close(t.beyond)
		fd = raise(fd)
	}
	return Answer{Kind: Install, FD: fd, CloseFD: true, Waits: waits, Flags: flags &^ made}
}

// openFor opens a file or a folder anew, as this thread may. What else there is (a
// FIFO, a device) may wait for others, or can be opened once only: the thread is just
// asked whether it may, and fd is -1.
func openFor(object, flags int) (fd int, errno unix.Errno) {
	var st unix.Stat_t
	if e := fstat(object, &st); e != 0 {
		return -1, e
	}
	name := strconv.AppendInt([]byte("/proc/self/fd/"), int64(object), 10)
	switch kind := st.Mode & unix.S_IFMT; {
	case flags&unix.O_PATH != 0:
		return -1, 0
	case kind == unix.S_IFLNK:
		return -1, unix.ELOOP
	case kind == unix.S_IFREG || kind == unix.S_IFDIR:
		return openat(atFDCWD, append(name, 0), flags|unix.O_CLOEXEC|unix.O_NOCTTY)
	}
	return -1, mayAccess(string(name), wanted(flags))
}

// isFileOrFolder tells what a backend may open anew in a tracee's place, also where the
// tracee wants it O_PATH: all else may wait for others, or is changed by being opened.
func isFileOrFolder(st *unix.Stat_t) bool {
	kind := st.Mode & unix.S_IFMT
	return kind == unix.S_IFREG || kind == unix.S_IFDIR
}

// wanted is what an open asks of a file's permissions, as a mask of R_OK and W_OK.
func wanted(flags int) (want uint32) {
	if flags&unix.O_ACCMODE != unix.O_WRONLY {
		want |= unix.R_OK
	}
	if flags&unix.O_ACCMODE != unix.O_RDONLY || flags&unix.O_TRUNC != 0 {
		want |= unix.W_OK
	}
	return want
}

// mayAccess asks whether this thread may read or write a file, by the rights that it
// acts with (AT_EACCESS).
func mayAccess(name string, want uint32) unix.Errno {
	err := unix.Faccessat2(atFDCWD, name, want, unix.AT_EACCESS)
	errno, _ := err.(unix.Errno)
	return errno
}

// asCaller makes a look-up or an open with the tracee's rights; where those cannot be
// taken on, it may do nothing.
func (w *Worker) asCaller(c *Call, f func() (int, unix.Errno)) (fd int, errno unix.Errno) {
	fd, errno = -1, unix.EACCES
	if who, err := w.shim.who(c.TID); err == nil {
		w.shim.as(&who, func() { fd, errno = f() })
	}
	return fd, errno
}
