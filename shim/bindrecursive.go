package shim

import (
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
)

// bindRecursively makes a bind mount for which old gVisor has refused MS_REC:
// without it, and then one for each mount below the source, as they lie.
// containerd mounts the roots of its containers so.
//
// The supervisor mounts for the tracee, under the conditions of [Worker.bindsLink].
func (w *Worker) bindRecursively(c *Call) Answer {
	refused := Answer{Kind: Fail, Errno: unix.EINVAL}
	who, source, target, ok := w.bindNames(c)
	if !ok {
		return refused
	}
	a := refused
	if !w.shim.as(&who, func() { a = w.bindTree(c, source, target) }) {
		return refused
	}
	return a
}

// bindTree is bindRecursively with the caller's rights.
func (w *Worker) bindTree(c *Call, source, target string) Answer {
	refused := Answer{Kind: Fail, Errno: unix.EINVAL}
	from, errno := w.objectAt(source)
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	to, errno := w.objectAt(target)
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	// Before: the target may lie below the source.
	below, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint == from || !mounts.Within(m.Mountpoint, from), false
	})
	if err != nil {
		return refused
	}
	w.count.node(lieBindRec)
	err = unix.Mount(from, to, "", unix.MS_BIND, "")
	w.shim.log.Debug().Int("tid", c.TID).Str("source", from).Str("target", to).AnErr("answer", err).
		Str("lie", lieBindRec).Msg("bound a tree, mount by mount")
	if errno, ok := err.(unix.Errno); ok {
		return Answer{Kind: Fail, Errno: errno}
	}
	for _, m := range below {
		at := strings.TrimSuffix(to, "/") + m.Mountpoint[len(strings.TrimSuffix(from, "/")):]
		if _, err := os.Lstat(at); err != nil {
			continue // covered by another one of these
		}
		if err := unix.Mount(m.Mountpoint, at, "", unix.MS_BIND, ""); err != nil {
			w.shim.log.Warn().Err(err).Str("source", m.Mountpoint).Str("target", at).Msg("could not bind a mount below another one")
		}
	}
	return Answer{Kind: Return}
}

// bindNames are source and target of a bind mount by names that mean the same
// to the supervisor, which may mount for the tracee: one that might itself, and
// that has the same mounts and the same root, and whose capabilities count for them. The
// names are looked up, and the mounts made, with its rights.
func (w *Worker) bindNames(c *Call) (who status, source, target string, ok bool) {
	from, ok1 := w.mountText(c, c.Args[0])
	to, ok2 := w.mountText(c, c.Args[1])
	root, known := w.rootOf(c.TID)
	if !ok1 || !ok2 || deref(from) == "" || deref(to) == "" || root != "/" || !known ||
		w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return who, "", "", false
	}
	who, err := w.who(c)
	if err != nil || !who.has(unix.CAP_SYS_ADMIN) {
		return who, "", "", false // EPERM, says the kernel
	}
	return who, w.asTracee(c, atFDCWD, []byte(*from)), w.asTracee(c, atFDCWD, []byte(*to)), true
}

// objectAt is the name without links of what a name leads to. What has no name
// any more could only be mounted by a link: EINVAL.
func (w *Worker) objectAt(name string) (string, unix.Errno) {
	fd, e := openat(atFDCWD, append([]byte(name), 0), unix.O_PATH|unix.O_CLOEXEC)
	if e != 0 {
		return "", e
	}
	defer unix.Close(fd)
	object := w.kernelName(fd)
	if !strings.HasPrefix(object, "/") || strings.HasSuffix(object, " (deleted)") {
		return "", unix.EINVAL
	}
	var is, named unix.Stat_t
	if fstat(fd, &is) != 0 || fstatat(atFDCWD, append([]byte(object), 0), &named, 0) != 0 || identityOf(&is) != identityOf(&named) {
		return "", unix.EINVAL // gVisor calls what has no name "/", such as a namespace
	}
	return object, 0
}
