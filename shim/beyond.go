package shim

import "golang.org/x/sys/unix"

// Objects of the kernel's that a tracee reached by way of a directory which the kernel
// does not know ("../../version" in a served one), so that only the supervisor has
// found them: target.beyond.

// openBeyond has the tracee open one by itself. What the supervisor opens is not the same:
// files of procfs and cgroups ask who opened them, and an O_PATH descriptor can be had of
// what may not be read.
func (w *Worker) openBeyond(t *target, flags int) Answer {
	if flags&unix.O_PATH == 0 && flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT|unix.O_EXCL {
		unix.Close(t.beyond)
		return Answer{Kind: Fail, Errno: unix.EEXIST}
	}
	const made = unix.O_CREAT | unix.O_EXCL | unix.O_NOFOLLOW
	return Answer{Kind: Install, FD: t.beyond, CloseFD: true, Itself: true, Flags: flags &^ made}
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
	if who, err := w.who(c); err == nil {
		w.shim.as(&who, func() { fd, errno = f() })
	}
	return fd, errno
}
