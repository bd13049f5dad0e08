package server

import (
	"fmt"
	"os"
	"slices"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// RemoveFolder removes a server's folder. What the server has left mounted
// below goes first, or the removal would go on in what was mounted: a kubelet
// leaves its own folder mounted on itself, and pods' volumes may be the host's.
func RemoveFolder(dir string) error {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
	if err != nil {
		return fmt.Errorf("%s is kept, as its mounts are not known: %w", dir, err)
	}
	for _, m := range slices.Backward(mounts) {
		if err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return fmt.Errorf("%s is kept, as something is mounted in it: %w", dir, &os.PathError{Op: "unmount", Path: m.Mountpoint, Err: err})
		}
	}
	return os.RemoveAll(dir)
}
