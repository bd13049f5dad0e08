package shim

import (
	"strings"

	"golang.org/x/sys/unix"
)

// bindLinkQuirk makes a bind mount whose source is a symbolic link. Old gVisor
// mounts the link itself; kubelet, which names what it has opened and checked
// by /proc/PID/fd/N, then has a file that nobody can open.
//
// The supervisor mounts for the tracee, so only one that might do it itself is
// served, and only where both have the same mounts and the same root.
func (w *Worker) bindLinkQuirk(c *Call) Answer {
	source, ok1 := w.mountText(c, c.Args[0])
	target, ok2 := w.mountText(c, c.Args[1])
	if !ok1 || !ok2 || deref(source) == "" || deref(target) == "" || w.rootOf(c.TID) != "/" ||
		w.shim.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return Answer{}
	}
	link := append([]byte(w.asTracee(c, atFDCWD, []byte(*source))), 0)
	if e := fstatat(atFDCWD, link, &w.st, unix.AT_SYMLINK_NOFOLLOW); e != 0 || w.st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return Answer{}
	}
	if who, err := statusOf(c.TID); err != nil || !who.has(unix.CAP_SYS_ADMIN) {
		return Answer{} // EPERM, says the kernel
	}
	fd, e := openat(atFDCWD, link, unix.O_PATH|unix.O_CLOEXEC)
	if e != 0 {
		return Answer{Kind: Fail, Errno: e} // a link that leads nowhere
	}
	object := w.kernelName(fd)
	unix.Close(fd)
	// What has no name any more could only be mounted by the link.
	if !strings.HasPrefix(object, "/") || strings.HasSuffix(object, " (deleted)") {
		return Answer{}
	}
	w.count.node(lieBindLink)
	err := unix.Mount(object, w.asTracee(c, atFDCWD, []byte(*target)), "", uintptr(c.Args[3]), "")
	w.shim.log.Debug().Int("tid", c.TID).Str("source", object).Str("target", *target).AnErr("answer", err).
		Str("lie", lieBindLink).Msg("mounted what a link leads to")
	if errno, ok := err.(unix.Errno); ok {
		return Answer{Kind: Fail, Errno: errno}
	}
	return Answer{Kind: Return}
}
