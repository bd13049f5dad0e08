package builtin

import (
	"errors"
	"fmt"
	"os"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// makeRoot mounts what the bundle asks for, below its root file system. Where
// the mount namespace is not the container's own, the other side notes first
// what will have to be undone.
func (i *initProcess) makeRoot() error {
	if i.has("mnt") {
		if err := i.detachMounts(); err != nil {
			return err
		}
	} else if err := i.ask(message{Kind: sayMounting, Mounts: i.mountPoints()}); err != nil {
		return err
	}
	root, err := openRootfs(i.Rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, m := range i.Spec.Mounts {
		if err := i.mount(root, m); err != nil {
			return err
		}
	}
	i.makeDevices(root)
	i.cover(root)
	// As runc does. A root that cannot be written to says so at chdir.
	if dir, err := root.folder(i.Spec.Process.Cwd); err == nil {
		dir.Close()
	}
	return nil
}

// detachMounts keeps what is mounted here from the runtime's namespace, and
// makes a mount point of the root, which pivot_root(2) wants.
func (i *initProcess) detachMounts() error {
	propagation := uintptr(unix.MS_SLAVE | unix.MS_REC)
	if i.Spec.Linux.RootfsPropagation != "" {
		propagation = propagations[i.Spec.Linux.RootfsPropagation]
	}
	if err := unix.Mount("", "/", "", propagation, ""); err != nil {
		return fmt.Errorf("change the propagation of /: %w", os.NewSyscallError("mount", err))
	}
	if propagation&unix.MS_SHARED != 0 {
		// pivot_root(2) refuses a root whose parent is shared.
		if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return os.NewSyscallError("mount", err)
		}
	}
	if err := unix.Mount(i.Rootfs, i.Rootfs, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("bind the root on itself: %w", os.NewSyscallError("mount", err))
	}
	return nil
}

// mountPoints are the places below the root that are to be mounted on.
func (i *initProcess) mountPoints() []string {
	var names []string
	add := func(path string) {
		// Symbolic links in it lead to somewhere else in the root.
		if name, err := securejoin.SecureJoin(i.Rootfs, path); err == nil {
			names = append(names, name)
		}
	}
	for _, m := range i.Spec.Mounts {
		add(m.Destination)
	}
	for _, device := range i.devices() {
		add(device.Path)
	}
	if i.Spec.Linux != nil {
		for _, path := range append(i.Spec.Linux.MaskedPaths, i.Spec.Linux.ReadonlyPaths...) {
			add(path)
		}
	}
	return names
}

// enterRoot makes the bundle's root file system the process's root.
func (i *initProcess) enterRoot() error {
	if !i.has("mnt") {
		if i.Spec.Root.Readonly {
			i.lack("root readonly", errors.New("there is no mount namespace"))
		}
		return changeRoot(i.Rootfs)
	}
	errno := unix.EPERM
	if !i.NoPivot {
		errno = i.pivot()
	}
	if errno != 0 {
		// A root on the kernel's first file system cannot be pivoted from.
		if err := moveRoot(i.Rootfs); err != nil {
			return err
		}
	}
	if i.Spec.Root.Readonly {
		if err := remount("/", unix.MS_RDONLY); err != nil {
			i.lack("root readonly", err)
		}
	}
	return nil
}

// pivot swaps the roots, and leaves the old one: pivot_root(2), "pivot_root(".", ".")".
func (i *initProcess) pivot() unix.Errno {
	old, err := unix.Open("/", unix.O_DIRECTORY|unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err.(unix.Errno)
	}
	defer unix.Close(old)
	if err := unix.Chdir(i.Rootfs); err != nil {
		return err.(unix.Errno)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err.(unix.Errno)
	}
	if err := unix.Fchdir(old); err != nil {
		return err.(unix.Errno)
	}
	// Not to unmount it for others too.
	_ = unix.Mount("", ".", "", unix.MS_SLAVE|unix.MS_REC, "")
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err.(unix.Errno)
	}
	if err := unix.Chdir("/"); err != nil {
		return err.(unix.Errno)
	}
	return 0
}

func moveRoot(rootfs string) error {
	if err := unix.Chdir(rootfs); err != nil {
		return &os.PathError{Op: "chdir", Path: rootfs, Err: err}
	}
	if err := unix.Mount(rootfs, "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root to /: %w", os.NewSyscallError("mount", err))
	}
	return changeRoot(".")
}

func changeRoot(dir string) error {
	if err := unix.Chroot(dir); err != nil {
		return fmt.Errorf("no way into the root (CAP_SYS_CHROOT is the least that it takes): %w",
			&os.PathError{Op: "chroot", Path: dir, Err: err})
	}
	if err := unix.Chdir("/"); err != nil {
		return &os.PathError{Op: "chdir", Path: "/", Err: err}
	}
	return nil
}
