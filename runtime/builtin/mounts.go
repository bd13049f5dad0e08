package builtin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// mount makes one mount of the bundle. What the kernel will not have is noted
// as missing; only a bundle that cannot be meant is an error.
func (i *initProcess) mount(root rootfs, m specs.Mount) error {
	what := fmt.Sprintf("mount %s (%s)", m.Destination, mountType(m))
	if len(m.UIDMappings) > 0 {
		return fmt.Errorf("%s: mode builtin has no mounts with mapped ids", what)
	}
	opts := parseOptions(m.Options)
	if opts.copyUp {
		i.lack(what+" option tmpcopyup", errors.New("mode builtin does not copy"))
	}
	source, kind := m.Source, m.Type
	folder := true
	switch {
	case opts.flags&unix.MS_BIND != 0 || m.Type == "bind":
		kind, opts.flags, opts.data = "", opts.flags|unix.MS_BIND, ""
		if !filepath.IsAbs(source) {
			source = filepath.Join(i.Bundle, source)
		}
		info, err := os.Stat(source)
		if err != nil {
			return fmt.Errorf("%s: bind source: %w", what, err)
		}
		folder = info.IsDir()
	case m.Type == "cgroup", m.Type == "cgroup2":
		// The tree that is there is the one that there is to see.
		source, kind, opts.flags, opts.data = "/sys/fs/cgroup", "", opts.flags|unix.MS_BIND|unix.MS_REC, ""
	}
	target, err := root.place(m.Destination, folder)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer target.Close()
	err = mountAt(root, target, m.Destination, source, kind, opts)
	if here := standing[kind]; err != nil && here != "" {
		// The kernel makes no other one: the one that is there has to do.
		opts.flags, opts.data = opts.flags|unix.MS_BIND|unix.MS_REC, ""
		if bindErr := mountAt(root, target, m.Destination, here, "", opts); bindErr == nil {
			return nil
		}
	}
	if err != nil {
		i.lack(what, err)
	}
	return nil
}

// standing is where filesystems stand of which there is one anyway.
var standing = map[string]string{"proc": "/proc", "sysfs": "/sys", "devpts": "/dev/pts", "mqueue": "/dev/mqueue"}

func mountType(m specs.Mount) string {
	if m.Type != "" {
		return m.Type
	}
	return "bind"
}

// bindable are the flags that a bind mount takes only when it is mounted anew.
const bindable = unix.MS_RDONLY | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOSUID | unix.MS_NOATIME | unix.MS_NODIRATIME |
	unix.MS_RELATIME | unix.MS_STRICTATIME | unix.MS_NOSYMFOLLOW

func mountAt(root rootfs, target *os.File, name, source, kind string, opts mountOptions) error {
	flags := opts.flags
	if flags&unix.MS_BIND != 0 {
		flags &= unix.MS_BIND | unix.MS_REC
	}
	if err := mountPlainly(source, root.spot(target), kind, flags, opts.data); err != nil {
		return err
	}
	again := opts.flags & bindable
	if flags&unix.MS_BIND == 0 {
		again = 0
	}
	if again == 0 && opts.clear&bindable == 0 && len(opts.propagation) == 0 && opts.recursive == (unix.MountAttr{}) {
		return nil
	}
	// The handle is of what was there before.
	mounted, err := root.open(name)
	if err != nil {
		return err
	}
	defer mounted.Close()
	if again != 0 || flags&unix.MS_BIND != 0 && opts.clear&bindable != 0 {
		if err := remountWithout(root.spot(mounted), again, opts.clear); err != nil {
			return err
		}
	}
	for _, propagation := range opts.propagation {
		if err := unix.Mount("", root.spot(mounted), "", propagation, ""); err != nil {
			return os.NewSyscallError("mount", err)
		}
	}
	if opts.recursive != (unix.MountAttr{}) {
		attr := opts.recursive
		if err := unix.MountSetattr(int(mounted.Fd()), "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
			return os.NewSyscallError("mount_setattr", err)
		}
	}
	return nil
}

// niceties are flags without which a mount is nearly the same, and that old
// gVisor does not know.
const niceties = unix.MS_REC | unix.MS_STRICTATIME | unix.MS_RELATIME | unix.MS_NODIRATIME

// mountPlainly is mount(2), with and then without niceties.
func mountPlainly(source, target, kind string, flags uintptr, data string) error {
	err := unix.Mount(source, target, kind, flags, data)
	if err == unix.EINVAL && flags&niceties != 0 {
		err = unix.Mount(source, target, kind, flags&^niceties, data)
	}
	return os.NewSyscallError("mount", err)
}

// remount adds flags to those that a mount has.
func remount(path string, flags uintptr) error { return remountWithout(path, flags, 0) }

func remountWithout(path string, flags, without uintptr) error {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err == nil {
		// ST_RDONLY and so on are MS_RDONLY and so on, statfs(2), but for ST_RELATIME.
		flags |= uintptr(st.Flags) & (unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME) &^ without
	}
	return os.NewSyscallError("mount", unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""))
}

// cover hides the bundle's masked paths, and keeps its read-only ones from writers.
func (i *initProcess) cover(root rootfs) {
	if i.Spec.Linux == nil {
		return
	}
	for _, path := range i.Spec.Linux.MaskedPaths {
		i.coverOne(root, "masked path ", path, func(f *os.File, folder bool) error {
			if folder {
				return os.NewSyscallError("mount", unix.Mount("tmpfs", root.spot(f), "tmpfs", unix.MS_RDONLY, ""))
			}
			return os.NewSyscallError("mount", unix.Mount("/dev/null", root.spot(f), "", unix.MS_BIND, ""))
		})
	}
	for _, path := range i.Spec.Linux.ReadonlyPaths {
		i.coverOne(root, "readonly path ", path, func(f *os.File, _ bool) error {
			if err := mountPlainly(root.spot(f), root.spot(f), "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
				return err
			}
			again, err := root.open(path)
			if err != nil {
				return err
			}
			defer again.Close()
			return remount(root.spot(again), unix.MS_RDONLY)
		})
	}
}

func (i *initProcess) coverOne(root rootfs, what, path string, with func(*os.File, bool) error) {
	f, err := root.open(path)
	if err != nil {
		return // there is nothing to cover
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil {
		err = with(f, info.IsDir())
	}
	if err != nil {
		i.lack(what+path, err)
	}
}
