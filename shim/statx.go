package shim

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// statx(2).
func (w *Worker) statx(c *Call) Answer {
	flags := int(int32(c.Args[2]))
	const syncType = unix.AT_STATX_FORCE_SYNC | unix.AT_STATX_DONT_SYNC
	const known = unix.AT_SYMLINK_NOFOLLOW | unix.AT_NO_AUTOMOUNT | unix.AT_EMPTY_PATH | syncType
	if uint32(flags)&^known != 0 || flags&syncType == syncType || uint32(c.Args[3])&unix.STATX__RESERVED != 0 {
		return Answer{} // EINVAL
	}
	if a, done := w.statxMounted(c, flags); done {
		return a
	}
	a, t, ok := w.attributes(c, dirfdOf(c.Args[0]), c.Args[1], flags)
	if ok {
		var st unix.Statx_t
		a.statx(&st)
		if on := t.node.On; on != nil {
			mountOn(on, t.node.Covers(), &st)
		} else {
			mountOf(w.rootFor(c), a.above, int(uint32(c.Args[3])), &st)
		}
		return w.give(c, t, c.Args[4], bytesOf(&st))
	}
	if t.beyond > 0 {
		defer unix.Close(t.beyond)
		var st unix.Statx_t
		if unix.Statx(t.beyond, "", unix.AT_EMPTY_PATH, int(uint32(c.Args[3])), &st) == nil {
			return w.give(c, t, c.Args[4], bytesOf(&st))
		}
	}
	if t.errno == 0 && flags&unix.AT_NO_AUTOMOUNT != 0 && w.shim.quirks.statxNoAutomount {
		return w.withoutAutomount(c, 2)
	}
	return t.refusal()
}

// mountOf completes what statx tells with what only the kernel knows: the mount
// that a served node stands in, which is that of the nearest real object above.
func mountOf(r root, above string, mask int, st *unix.Statx_t) {
	const ids = unix.STATX_MNT_ID | statxMntIDUnique
	var real unix.Statx_t
	if r.statx(above, mask|unix.STATX_BASIC_STATS, &real) != nil {
		return
	}
	st.Mask |= real.Mask & ids
	st.Mnt_id = real.Mnt_id
	st.Attributes_mask = real.Attributes_mask
	st.Attributes = real.Attributes &^ unix.STATX_ATTR_MOUNT_ROOT
}

// mountOn is the same for a served filesystem, which has no unique number.
func mountOn(on *fakefs.Filesystem, root bool, st *unix.Statx_t) {
	st.Mask |= unix.STATX_MNT_ID
	st.Mnt_id = uint64(on.MountID)
	st.Attributes_mask = unix.STATX_ATTR_MOUNT_ROOT
	if root {
		st.Attributes = unix.STATX_ATTR_MOUNT_ROOT
	}
}

// statxMntIDUnique is STATX_MNT_ID_UNIQUE (linux/stat.h).
const statxMntIDUnique = 0x4000

// withoutAutomount makes the call without a flag that old gVisor refuses with
// EINVAL. Nothing is lost: gVisor has no automounts. The name is read again by
// the kernel, which is harmless as nothing was decided by it.
func (w *Worker) withoutAutomount(c *Call, arg int) Answer {
	if !c.Tracee.CanRewrite() {
		return Answer{}
	}
	w.count.node(lieNoAutomount)
	a := Answer{Kind: Rewrite, Args: c.Args}
	a.Args[arg] &^= unix.AT_NO_AUTOMOUNT
	return a
}
