package shim

import "golang.org/x/sys/unix"

// statx(2).
func (w *Worker) statx(c *Call) Answer {
	flags := int(int32(c.Args[2]))
	a, t, ok := w.attributes(c, dirfdOf(c.Args[0]), c.Args[1], flags)
	if ok {
		const syncType = unix.AT_STATX_FORCE_SYNC | unix.AT_STATX_DONT_SYNC
		if uint32(c.Args[3])&unix.STATX__RESERVED != 0 || flags&syncType == syncType {
			return Answer{Kind: Fail, Errno: unix.EINVAL}
		}
		var st unix.Statx_t
		a.statx(&st)
		return w.give(c, t, c.Args[4], bytesOf(&st))
	}
	if t.errno == 0 && flags&unix.AT_NO_AUTOMOUNT != 0 && w.shim.quirks.statxNoAutomount {
		return w.withoutAutomount(c)
	}
	return t.refusal()
}

// withoutAutomount makes the call without a flag that old gVisor refuses with
// EINVAL. Nothing is lost: gVisor has no automounts. The name is read again by
// the kernel, which is harmless as nothing was decided by it.
func (w *Worker) withoutAutomount(c *Call) Answer {
	if !c.Tracee.CanRewrite() {
		return Answer{}
	}
	w.count.node(lieNoAutomount)
	a := Answer{Kind: Rewrite, Args: c.Args}
	a.Args[2] &^= unix.AT_NO_AUTOMOUNT
	return a
}
