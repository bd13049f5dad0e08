package mounts

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Umount takes away the uppermost mount at target, with MNT_DETACH all that
// stands on it as well, and gives what is gone (do_umount in fs/namespace.c).
// busy tells whether somebody uses a mount; nil for nobody. A mount of
// the kernel's is not the table's to take away: that is EPERM.
func (t *Table) Umount(target string, flags int, busy func(*Mount) bool) ([]*Mount, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now.Load()
	m := s.find(target)
	switch {
	case m.Point != target:
		return nil, unix.EINVAL
	case m.Kernel:
		return nil, unix.EPERM
	}
	standing := s.subtree(m, target)
	if flags&unix.MNT_EXPIRE != 0 {
		if flags&(unix.MNT_FORCE|unix.MNT_DETACH) != 0 {
			return nil, unix.EINVAL
		}
		if len(standing) > 0 || busy != nil && busy(m) {
			return nil, unix.EBUSY
		}
		if !m.Expiring {
			c := *m
			c.Expiring = true
			t.change(func(mounts []*Mount) []*Mount { return replace(mounts, &c) })
			return nil, unix.EAGAIN
		}
	}
	if flags&unix.MNT_DETACH == 0 && (len(standing) > 0 || busy != nil && busy(m)) {
		return nil, unix.EBUSY
	}
	gone := append([]*Mount{m}, standing...)
	if parent := s.byID(m.Parent); parent != nil {
		for _, r := range s.receivers(parent, target) {
			if c := s.children[place{r.mount.ID, r.point}]; c != nil && !c.Kernel && len(s.subtree(c, r.point)) == 0 {
				gone = append(gone, c)
			}
		}
	}
	t.change(func(mounts []*Mount) []*Mount {
		mounts = slices.DeleteFunc(mounts, func(o *Mount) bool { return slices.Contains(gone, o) })
		orphan(mounts)
		return mounts
	})
	return gone, nil
}

func (s *state) byID(id int) *Mount {
	for _, m := range s.mounts {
		if m.ID == id {
			return m
		}
	}
	return nil
}

// Used tells whether any mount still has the filesystem.
func (t *Table) Used(super *Super) bool {
	return slices.ContainsFunc(t.now.Load().mounts, func(m *Mount) bool {
		return m.Super.Tmpfs != nil && m.Super.Backing == super.Backing && m.Super.Minor == super.Minor
	})
}
