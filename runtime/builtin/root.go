package builtin

import (
	"fmt"
	"os"
	"slices"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/moby/sys/capability"
	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
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
	if err := i.fill(root, i.Spec.Mounts); err != nil {
		return err
	}
	// As runc does. A root that cannot be written to says so at chdir.
	if dir, err := root.folder(i.Spec.Process.Cwd); err == nil {
		dir.Close()
	}
	return nil
}

// fill makes what is mounted in a root, and what is mounted over that.
func (i *initProcess) fill(root rootfs, mounts []specs.Mount) error {
	for _, m := range mounts {
		if err := i.mount(root, m); err != nil {
			return err
		}
	}
	i.makeDevices(root)
	i.cover(root)
	return nil
}

// tells tells whether what this process mounts is in the table of its own supervisor,
// and nowhere else: the kernel refuses, and there is no mount namespace to join.
func (i *initProcess) tells() bool {
	return !i.around && !i.has("mnt") && !i.held.Get(capability.EFFECTIVE, capability.CAP_SYS_ADMIN)
}

// tellAgain makes the container's mounts in the table of a further process, which
// knows nothing of the first one's. A tmpfs there is the folder that it stands on.
func (i *initProcess) tellAgain() error {
	root, err := openRootfs(i.Rootfs)
	if err != nil {
		return err
	}
	defer root.Close()
	return i.fill(root, slices.DeleteFunc(slices.Clone(i.Spec.Mounts), func(m specs.Mount) bool { return m.Type == "tmpfs" }))
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

// moveRoot takes the root to the top of the mount namespace, where all that was
// there before remains below it. Of that what shows all of the kernel is taken
// away: who makes a user namespace may mount another proc or sysfs where one is
// that nothing covers, and the container's own are covered.
func moveRoot(rootfs string) error {
	if err := clearKernels(rootfs); err != nil {
		return err
	}
	if err := unix.Chdir(rootfs); err != nil {
		return &os.PathError{Op: "chdir", Path: rootfs, Err: err}
	}
	if err := unix.Mount(rootfs, "/", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("move the root to /: %w", os.NewSyscallError("mount", err))
	}
	return changeRoot(".")
}

// clearKernels unmounts proc and sysfs wherever they are outside of a root, or
// covers them. The mount namespace is the process's own, and tells no other.
func clearKernels(rootfs string) error {
	all, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		whole := m.Root == "/" && (m.FSType == "proc" || m.FSType == "sysfs")
		return !whole || m.Mountpoint == rootfs || strings.HasPrefix(m.Mountpoint, rootfs+"/"), false
	})
	if err != nil {
		return err
	}
	for _, m := range slices.Backward(all) {
		err := unix.Unmount(m.Mountpoint, unix.MNT_DETACH)
		if err == unix.ENOENT {
			continue // it lay in another one
		}
		if err != nil {
			err = unix.Mount("tmpfs", m.Mountpoint, "tmpfs", unix.MS_RDONLY, "")
		}
		if err != nil {
			return fmt.Errorf("cover %s: %w", m.Mountpoint, os.NewSyscallError("mount", err))
		}
	}
	return nil
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
