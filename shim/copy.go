package shim

import "golang.org/x/sys/unix"

// A name that the kernel is left to open for writing may be another one by the time that
// it reads it, if a thread of the tracee changes it meanwhile: that of the machine's own
// sysctl, which the profile serves. So the kernel is given a copy of the name that was
// looked at, in a call that the tracee makes in place of its own.

// writesUncopied tells that a call opens a file for writing, and that the kernel is to
// have a copy of its name. In gVisor, which has no openat2(2) either, memory can be read
// that the program itself may not read: a copy would be a name where it gets EFAULT.
func (w *Worker) writesUncopied(c *Call) bool {
	if !w.shim.openat2 || len(w.shim.ground.Load().files) == 0 {
		return false
	}
	_, _, flags, ok := w.opens(c)
	return ok && opensToChange(flags) && c.Tracee.WantsCopy()
}

// opensToChange tells whether an open may change the file that it leads to.
func opensToChange(flags int) bool {
	return flags&unix.O_PATH == 0 && (wanted(flags)&unix.W_OK != 0 || flags&unix.O_CREAT != 0)
}

// leave leaves an open to the kernel.
func (w *Worker) leave(c *Call, dirfd int, name []byte) Answer {
	if !w.writesUncopied(c) {
		return Answer{}
	}
	a := Answer{Kind: Finish, Nr: c.Nr, Args: c.Args, Name: append(append([]byte(nil), name...), 0), NameAt: 1}
	if c.Nr == sysOpen || c.Nr == sysCreat {
		a.NameAt = 0
	}
	a.Itself = !w.opensAtOnce(c, dirfd, name)
	return a
}

// opensAtOnce tells that a name leads to what no open waits for. On doubt it does not.
func (w *Worker) opensAtOnce(c *Call, dirfd int, name []byte) bool {
	if len(name) == 0 || !w.sharesRoot(c, w.shim.ground.Load()) {
		return false
	}
	own := w.asTracee(c, dirfd, name)
	if own == "" || fstatat(atFDCWD, append([]byte(own), 0), &w.st, 0) != 0 {
		return false
	}
	switch w.st.Mode & unix.S_IFMT {
	case unix.S_IFREG, unix.S_IFDIR:
		return true
	case unix.S_IFCHR:
		return unix.Major(uint64(w.st.Rdev)) == memoryDevices
	}
	return false
}

// memoryDevices is the major number of /dev/null and its like (Documentation/admin-guide/devices.txt).
const memoryDevices = 1
