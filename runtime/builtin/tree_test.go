package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/thread"
)

// A kernel without mount_setattr(2) makes the same tree of it, a mount at a time.
func TestSetEach(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root here")
	}
	dir := t.TempDir()
	// A space, for mountinfo writes it otherwise; and a name that only begins the same.
	names := []string{"a tree", "a tree/sub", "a tree/sub/sub", "a tree too"}
	flags := map[string]int64{}
	err := thread.Run(func() error {
		if err := errors.Join(unix.Unshare(unix.CLONE_NEWNS), unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")); err != nil {
			return err
		}
		for _, name := range names {
			path := filepath.Join(dir, name)
			if err := errors.Join(os.Mkdir(path, 0o755), unix.Mount("tmpfs", path, "tmpfs", unix.MS_NODEV, "")); err != nil {
				return err
			}
		}
		root, err := openRootfs(dir)
		if err != nil {
			return err
		}
		defer root.Close()
		top, err := root.open("a tree")
		if err != nil {
			return err
		}
		defer top.Close()
		if err := setEach(root, top, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID}); err != nil {
			return err
		}
		for _, name := range names {
			var st unix.Statfs_t
			if err := unix.Statfs(filepath.Join(dir, name), &st); err != nil {
				return err
			}
			flags[name] = st.Flags & (unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV)
		}
		folder, err := root.folder("no mount point")
		if err != nil {
			return err
		}
		defer folder.Close()
		if err := setEach(root, folder, unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); !errors.Is(err, unix.EINVAL) {
			t.Errorf("a plain folder: %v", err)
		}
		return nil
	})
	if errors.Is(err, unix.EPERM) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		want := int64(unix.ST_RDONLY | unix.ST_NOSUID | unix.ST_NODEV)
		if name == "a tree too" {
			want = unix.ST_NODEV
		}
		if flags[name] != want {
			t.Errorf("%s has flags %#x, want %#x", name, flags[name], want)
		}
	}
}
