package shim

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// A name that the kernel is left to open for writing may be another one by the time that
// it reads it, if a thread of the tracee changes it meanwhile: that of the machine's own
// sysctl, which the profile serves. Where the backend can, the kernel is given a copy of
// the name that was looked at. User notification cannot; there such a program writes what
// it may write without the shim (docs/security.md).

// longestCopy bounds a copy: it stands below the thread's stack pointer, where there
// need not be room for more.
const longestCopy = 128

// writesUncopied tells that a call opens a file for writing, and that the kernel is to
// have a copy of its name. In gVisor, which has no openat2(2) either, memory can be read
// that the program itself may not read: a copy would be a name where it gets EFAULT.
func (w *Worker) writesUncopied(c *Call) bool {
	if !c.Tracee.CanRewrite() || !w.shim.openat2 || len(w.shim.ground.Load().files) == 0 {
		return false
	}
	_, _, flags, ok := w.opens(c)
	return ok && opensToChange(flags)
}

// opensToChange tells whether an open may change the file that it leads to.
func opensToChange(flags int) bool {
	return flags&unix.O_PATH == 0 && (wanted(flags)&unix.W_OK != 0 || flags&unix.O_CREAT != 0)
}

// leave leaves an open to the kernel.
func (w *Worker) leave(c *Call, dirfd int, name []byte, flags int) Answer {
	if len(name) == 0 || len(name) >= longestCopy || !w.writesUncopied(c) || !w.sharesRoot(c, w.shim.ground.Load()) {
		return Answer{}
	}
	copied := append(bytes.Clone(name), 0)
	own := w.asTracee(c, dirfd, name)
	if own == "" {
		return Answer{}
	}
	switch e := fstatat(atFDCWD, append([]byte(own), 0), &w.st, 0); {
	case e == unix.ENOENT && flags&unix.O_CREAT != 0:
	case e != 0:
		return Answer{} // the kernel refuses it
	case w.st.Mode&unix.S_IFMT == unix.S_IFREG, w.st.Mode&unix.S_IFMT == unix.S_IFDIR:
	case w.st.Mode&unix.S_IFMT == unix.S_IFCHR && unix.Major(uint64(w.st.Rdev)) == memoryDevices:
	default:
		return Answer{} // may wait for others, which a call of ours must not
	}
	a := Answer{Kind: Finish, Nr: c.Nr, Args: c.Args, Name: copied, NameAt: 1}
	if c.Nr == sysOpen || c.Nr == sysCreat {
		a.NameAt = 0
	}
	return a
}

// memoryDevices is the major number of /dev/null and its like (Documentation/admin-guide/devices.txt).
const memoryDevices = 1
