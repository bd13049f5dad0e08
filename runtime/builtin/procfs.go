package builtin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// The container's /proc has to be the kernel's: masked and read-only paths lie
// in it, and programs write there what keeps them in bounds. So nothing is
// mounted over it, and no link of the image leads it elsewhere, as with runc.

// checkFolder refuses to mount the kernel's own filesystems on anything but a
// folder of the name that the bundle says, or nothing.
func checkFolder(root rootfs, name, kind string) error {
	if kind != "proc" && kind != "sysfs" {
		return nil
	}
	dir, base := filepath.Split(filepath.Clean("/" + name))
	parent, err := root.open(dir)
	if errors.Is(err, os.ErrNotExist) || base == "" {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	var st unix.Stat_t
	err = unix.Fstatat(int(parent.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err == unix.ENOENT {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return fmt.Errorf("filesystem %q must be mounted on ordinary directory", kind)
	}
	return nil
}

// standsIn are files of /proc that others may stand in for, as LXCFS does.
var standsIn = []string{
	"cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo", "sys/kernel/ns_last_pid",
	"sys/crypto/fips_enabled",
}

// checkPlace refuses mounts over the root itself, and over /proc or what is in
// it. A bind mount has no kind.
func checkPlace(root rootfs, target *os.File, name, kind, source string) error {
	name = strings.TrimPrefix(filepath.Clean("/"+name), "/")
	// It may lead elsewhere. Where a shim keeps mounts the kernel cannot tell.
	if really, err := root.inside(target); err == nil {
		name = really
	}
	if name == "" {
		return errors.New("it is on the top of the root")
	}
	if name == "proc" {
		var st unix.Statfs_t
		if kind == "proc" || kind == "" && unix.Statfs(source, &st) == nil && st.Type == unix.PROC_SUPER_MAGIC {
			return nil
		}
		return errors.New("it cannot be mounted because it is not of type proc")
	}
	if below, ok := strings.CutPrefix(name, "proc/"); ok && !slices.Contains(standsIn, below) {
		return errors.New("it cannot be mounted because it is inside /proc")
	}
	return nil
}
