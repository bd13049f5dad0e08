package builtin

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// devices are those that every container has, and those of the bundle.
func (i *initProcess) devices() []specs.LinuxDevice {
	mode := os.FileMode(0o666)
	all := []specs.LinuxDevice{
		{Path: "/dev/null", Type: "c", Major: 1, Minor: 3, FileMode: &mode},
		{Path: "/dev/zero", Type: "c", Major: 1, Minor: 5, FileMode: &mode},
		{Path: "/dev/full", Type: "c", Major: 1, Minor: 7, FileMode: &mode},
		{Path: "/dev/random", Type: "c", Major: 1, Minor: 8, FileMode: &mode},
		{Path: "/dev/urandom", Type: "c", Major: 1, Minor: 9, FileMode: &mode},
		{Path: "/dev/tty", Type: "c", Major: 5, Minor: 0, FileMode: &mode},
	}
	if i.Spec.Linux != nil {
		all = append(all, i.Spec.Linux.Devices...)
	}
	return all
}

// makeDevices fills /dev, unless it is the host's.
func (i *initProcess) makeDevices(root rootfs) {
	if slices.ContainsFunc(i.Spec.Mounts, func(m specs.Mount) bool {
		return filepath.Clean(m.Destination) == "/dev" && (m.Type == "bind" || parseOptions(m.Options).flags&unix.MS_BIND != 0)
	}) {
		return
	}
	for _, device := range i.devices() {
		if err := makeDevice(root, device); err != nil {
			i.lack("device "+device.Path, err)
		}
	}
	for name, target := range map[string]string{
		"/dev/fd": "/proc/self/fd", "/dev/stdin": "/proc/self/fd/0", "/dev/stdout": "/proc/self/fd/1",
		"/dev/stderr": "/proc/self/fd/2", "/dev/ptmx": "pts/ptmx",
	} {
		dir, err := root.folder(filepath.Dir(name))
		if err == nil {
			err = unix.Symlinkat(target, int(dir.Fd()), filepath.Base(name))
			dir.Close()
		}
		if err != nil && err != unix.EEXIST {
			i.lack("link "+name, err)
		}
	}
}

var deviceKinds = map[string]uint32{"c": unix.S_IFCHR, "u": unix.S_IFCHR, "b": unix.S_IFBLK, "p": unix.S_IFIFO}

// makeDevice makes a device file; where that is not allowed, the host's own is
// bound to its place.
func makeDevice(root rootfs, device specs.LinuxDevice) error {
	dir, base := filepath.Split(filepath.Clean(device.Path))
	parent, err := root.folder(dir)
	if err != nil {
		return err
	}
	defer parent.Close()
	perm := os.FileMode(0o666)
	if device.FileMode != nil {
		perm = device.FileMode.Perm()
	}
	number := unix.Mkdev(uint32(device.Major), uint32(device.Minor))
	var st unix.Stat_t
	if unix.Fstatat(int(parent.Fd()), base, &st, unix.AT_SYMLINK_NOFOLLOW) == nil &&
		st.Mode&unix.S_IFMT == deviceKinds[device.Type] && (device.Type == "p" || st.Rdev == number) {
		return nil
	}
	// The permissions are the bundle's, whatever the caller's umask.
	old := unix.Umask(0)
	err = unix.Mknodat(int(parent.Fd()), base, deviceKinds[device.Type]|uint32(perm), int(number))
	unix.Umask(old)
	if err == nil {
		uid, gid := 0, 0
		if device.UID != nil {
			uid = int(*device.UID)
		}
		if device.GID != nil {
			gid = int(*device.GID)
		}
		return os.NewSyscallError("fchownat", unix.Fchownat(int(parent.Fd()), base, uid, gid, unix.AT_SYMLINK_NOFOLLOW))
	}
	if err == unix.EEXIST && st.Mode&unix.S_IFMT != unix.S_IFREG || device.Type == "p" {
		return &os.PathError{Op: "mknod", Path: device.Path, Err: err}
	}
	var host unix.Stat_t
	if unix.Stat(device.Path, &host) != nil || host.Mode&unix.S_IFMT != deviceKinds[device.Type] || host.Rdev != number {
		// Something else of that name is not what the bundle asks for.
		return &os.PathError{Op: "mknod", Path: device.Path, Err: err}
	}
	target, bindErr := root.file(device.Path)
	if bindErr != nil {
		return bindErr
	}
	defer target.Close()
	bindErr = unix.Mount(device.Path, root.spot(target), "", unix.MS_BIND, "")
	if bindErr == nil {
		return nil
	}
	if err != unix.EEXIST {
		// A plain file in a device's place would fill up.
		_ = unix.Unlinkat(int(parent.Fd()), base, 0)
	}
	return errors.Join(&os.PathError{Op: "mknod", Path: device.Path, Err: err}, os.NewSyscallError("mount", bindErr))
}
