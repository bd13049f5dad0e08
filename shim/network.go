package shim

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// The file of a network namespace is mounted on another one to keep the namespace and
// to give it a name, such as /run/netns/NAME (ip-netns(8), containerd's pods). Where
// the namespaces are answered for the kernel, so are these mounts: in the table, even
// where the kernel mounts, for old gVisor mounts the link in /proc/PID/ns, which cannot
// be opened then.

// networkFile is the file of the network that all are in, by the supervisor's name.
const networkFile = "/proc/self/ns/net"

// bindNetwork answers a bind mount of the file of a network namespace.
func (w *Worker) bindNetwork(c *Call) (Answer, bool) {
	u, v := &w.shim.unmade, &w.shim.virtual
	const other = unix.MS_REMOUNT | unix.MS_MOVE | unix.MS_SHARED | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_UNBINDABLE
	if !u.answers(unix.CLONE_NEWNET) || v.table == nil || c.Args[3]&unix.MS_BIND == 0 || c.Args[3]&other != 0 || !w.mayUnmake(c) {
		return Answer{}, false
	}
	source, ok := w.readPath(c.Tracee, c.Args[0])
	if !ok || !bytes.HasSuffix(source, []byte("/ns/net")) {
		return Answer{}, false
	}
	own := w.asTracee(c, atFDCWD, source)
	var st unix.Stat_t
	if own == "" || fstatat(atFDCWD, append([]byte(own), 0), &st, 0) != 0 || !u.isNetwork(&st) {
		return Answer{}, false
	}
	at, errno := w.mountPoint(c, atFDCWD, c.Args[1], false)
	switch {
	case errno != 0:
		return Answer{Kind: Fail, Errno: errno}, true
	case at.mode == unix.S_IFDIR:
		return Answer{Kind: Fail, Errno: unix.ENOTDIR}, true
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w.refreshMounts()
	err := v.table.Bind(networkFile, at.logical, unix.MS_BIND)
	if fstatat(atFDCWD, append([]byte(at.real), 0), &st, 0) == 0 {
		w.shim.passing.addObject(identityOf(&st)) // its names come to the handlers from now on
	}
	w.count.node(lieNetwork)
	return w.mountAnswer(c, at.logical, err), true
}

// umountNetwork takes such a mount away where all others are the kernel's.
func (w *Worker) umountNetwork(c *Call) (Answer, bool) {
	v := &w.shim.virtual
	if v.table == nil || len(*v.networks.Load()) == 0 || !w.mayUnmake(c) {
		return Answer{}, false
	}
	at, errno := w.mountPoint(c, atFDCWD, c.Args[0], c.Args[1]&unix.UMOUNT_NOFOLLOW != 0)
	if errno != 0 {
		return Answer{}, false
	}
	if m := v.table.At(at.logical); m == nil || m.Backing != networkFile {
		return Answer{}, false
	}
	return w.umountVirtual(c, at, int(int32(c.Args[1]))), true
}

// mayUnmake tells whether the caller may have what the kernel does not make: it is
// root, in the supervisor's mount namespace.
func (w *Worker) mayUnmake(c *Call) bool {
	if w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return false
	}
	who, err := w.who(c)
	return err == nil && w.shim.privileged(&who)
}

// isNetwork tells whether an object is the file of the network that all are in. Where
// the kernel tells of no file what it is, any file of procfs may be.
func (u *unmade) isNetwork(st *unix.Stat_t) bool {
	id := identityOf(st)
	return id != identity{} && id == u.network ||
		u.untold && id.dev == u.network.dev && st.Mode&unix.S_IFMT == unix.S_IFREG
}
