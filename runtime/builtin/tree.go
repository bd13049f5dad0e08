package builtin

import (
	"fmt"
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// forbidden are the attributes of a mount that forbid something, by the flags
// that ask for them of one mount.
var forbidden = map[uintptr]uint64{
	unix.MS_RDONLY: unix.MOUNT_ATTR_RDONLY, unix.MS_NOSUID: unix.MOUNT_ATTR_NOSUID, unix.MS_NODEV: unix.MOUNT_ATTR_NODEV,
	unix.MS_NOEXEC: unix.MOUNT_ATTR_NOEXEC, unix.MS_NOSYMFOLLOW: unix.MOUNT_ATTR_NOSYMFOLLOW,
}

// forTree are the options for a tree of the machine's that stands in for one
// filesystem of the container's own: what they forbid is forbidden in all of it,
// and nothing is allowed that the machine forbids.
func (m mountOptions) forTree() mountOptions {
	for flag, attribute := range forbidden {
		if m.flags&flag != 0 {
			m.recursive.Attr_set |= attribute
		}
	}
	m.flags, m.clear, m.data, m.tree = unix.MS_BIND|unix.MS_REC, 0, "", true
	return m
}

// setTree changes attributes of a mount and of all mounts below it, at once
// where the kernel can (Linux 5.12), and else one after the other.
func setTree(root rootfs, top *os.File, attr unix.MountAttr) error {
	at := attr
	err := unix.MountSetattr(int(top.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &at)
	if err == nil {
		return nil
	}
	if oneByOne := setEach(root, top, attr); oneByOne != nil {
		return fmt.Errorf("mount_setattr: %w, and one by one: %w", err, oneByOne)
	}
	return nil
}

func setEach(root rootfs, top *os.File, attr unix.MountAttr) error {
	name, err := root.nameOf(top)
	if err != nil {
		return err
	}
	tree, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return m.Mountpoint != name && !strings.HasPrefix(m.Mountpoint, strings.TrimSuffix(name, "/")+"/"), false
	})
	if err != nil {
		return err
	}
	if len(tree) == 0 {
		return fmt.Errorf("%s is no mount point: %w", name, unix.EINVAL)
	}
	var set, clear uintptr
	for flag, attribute := range forbidden {
		if attr.Attr_set&attribute != 0 {
			set |= flag
		}
		if attr.Attr_clr&attribute != 0 {
			clear |= flag
		}
	}
	for _, m := range tree {
		if err := remountWithout(m.Mountpoint, set, clear); err != nil {
			return fmt.Errorf("%s: %w", m.Mountpoint, err)
		}
	}
	return nil
}
