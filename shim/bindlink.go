package shim

import "golang.org/x/sys/unix"

// bindsLink makes a bind mount whose source is a symbolic link, and tells
// whether it did. Old gVisor mounts the link itself; kubelet, which names what
// it has opened and checked by /proc/PID/fd/N, then has a file that nobody can
// open.
//
// The supervisor mounts for the tracee, see [Worker.bindNames].
func (w *Worker) bindsLink(c *Call, a *Answer) bool {
	who, source, target, ok := w.bindNames(c)
	if !ok {
		return false
	}
	return w.shim.as(&who, func() { ok = w.bindObject(c, a, source, target) }) && ok
}

// bindObject is bindsLink with the caller's rights.
func (w *Worker) bindObject(c *Call, a *Answer, source, target string) bool {
	link := append([]byte(source), 0)
	if e := fstatat(atFDCWD, link, &w.st, unix.AT_SYMLINK_NOFOLLOW); e != 0 || w.st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return false
	}
	fd, e := openat(atFDCWD, link, unix.O_PATH|unix.O_CLOEXEC)
	if e != 0 {
		*a = Answer{Kind: Fail, Errno: e} // a link that leads nowhere
		return true
	}
	unix.Close(fd)
	object, errno := w.objectAt(source)
	if errno != 0 {
		return false
	}
	w.count.node(lieBindLink)
	err := unix.Mount(object, target, "", uintptr(c.Args[3]), "")
	w.shim.log.Debug().Int("tid", c.TID).Str("source", object).Str("target", target).AnErr("answer", err).
		Str("lie", lieBindLink).Msg("mounted what a link leads to")
	switch errno, failed := err.(unix.Errno); {
	case !failed:
		*a = Answer{Kind: Return}
	case errno == unix.EINVAL && c.Args[3]&unix.MS_REC != 0 && w.shim.quirks.mountBindRec:
		*a = w.bindTree(c, source, target)
	default:
		*a = Answer{Kind: Fail, Errno: errno}
	}
	return true
}
