package builtin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	folder, seals := true, false
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
		// The tree that is there is the one that there is to see. In version 2, and where
		// it is served, it begins with the container's own group; else there are those of
		// others in it, and the container may write to none. A machine of version 1 may have
		// a group of version 2 as well, without controllers.
		own := i.ownGroups || i.groups[""] != "" && unifiedGroups() && i.hasOwnSpace()
		if opts.flags&unix.MS_RDONLY == 0 && !own {
			i.lack(what+" options rw", errOthersGroups)
		}
		if !own {
			opts.flags |= unix.MS_RDONLY
		}
		source, kind, opts = groupsRoot, "", opts.forTree()
		if own && i.kernelGroups {
			source = i.groups[""]
		}
	case opts.flags&unix.MS_RDONLY != 0 && i.isFilled(m):
		opts.flags &^= unix.MS_RDONLY
		seals = true
	}
	if err := checkFolder(root, m.Destination, kind); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	target, err := root.place(m.Destination, folder)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	defer target.Close()
	if err := checkPlace(root, target, m.Destination, kind, source); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	err = mountAt(root, target, source, kind, opts)
	if here := standing[kind]; err != nil && here != "" {
		// The kernel makes no other one: the one that is there has to do.
		if mountAt(root, target, here, "", opts.forTree()) == nil {
			if opts.data != "" || kind == "mqueue" {
				i.lack(what+" of its own", err)
			}
			opts, err = opts.forTree(), nil
		}
	}
	if err != nil {
		i.lack(what, err)
		return nil
	}
	root.covered(target)
	if opts.tree {
		i.trees = append(i.trees, m.Destination)
	}
	if seals {
		i.sealed = append(i.sealed, m.Destination)
	}
	if err := dress(root, m.Destination, opts); err != nil {
		// It is there, and lets through what its options forbid.
		i.lack(what+" options "+strings.Join(m.Options, ","), err)
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

// mountAt mounts, without what takes the mount to be there.
func mountAt(root rootfs, target *os.File, source, kind string, opts mountOptions) error {
	flags := opts.flags
	if flags&unix.MS_BIND != 0 {
		flags &= unix.MS_BIND | unix.MS_REC
	}
	return mountPlainly(source, root.spot(target), kind, flags, opts.data)
}

// dress gives a new mount what its options say beside that.
func dress(root rootfs, name string, opts mountOptions) error {
	again, clear := opts.flags&bindable, opts.clear&bindable
	if opts.flags&unix.MS_BIND == 0 {
		again, clear = 0, 0
	}
	if again == 0 && clear == 0 && len(opts.propagation) == 0 && opts.recursive == (unix.MountAttr{}) {
		return nil
	}
	// Whoever opened it before has a handle of what was there then.
	mounted, err := root.open(name)
	if err != nil {
		return err
	}
	defer mounted.Close()
	var all []error
	if again != 0 || clear != 0 {
		all = append(all, remountWithout(root.spot(mounted), again, clear))
	}
	if opts.tree {
		// What the machine mounts in its own tree later would come without what is
		// forbidden here. Where a kernel has no propagation nothing comes.
		_ = unix.Mount("", root.spot(mounted), "", unix.MS_PRIVATE|unix.MS_REC, "")
	}
	for _, propagation := range opts.propagation {
		all = append(all, os.NewSyscallError("mount", unix.Mount("", root.spot(mounted), "", propagation, "")))
	}
	if opts.recursive != (unix.MountAttr{}) {
		all = append(all, setTree(root, mounted, opts.recursive))
	}
	return errors.Join(all...)
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
		// ST_RDONLY and so on are MS_RDONLY and so on, statfs(2), but for ST_RELATIME and this one.
		const stNoSymfollow = 0x2000
		has := uintptr(st.Flags) & (unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME)
		if st.Flags&stNoSymfollow != 0 {
			has |= unix.MS_NOSYMFOLLOW
		}
		flags |= has &^ without
	}
	return os.NewSyscallError("mount", unix.Mount("", path, "", unix.MS_BIND|unix.MS_REMOUNT|flags, ""))
}
