package shim

import (
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// rename corrects the name of a child that is known by what it is, or is on another
// filesystem than its folder: what is mounted there decides, not how one came to it.
func (k *walker) rename(folder, s *spot) {
	t := k.w.shim.ground.Load()
	names := t.names
	if s.st.Mode&unix.S_IFMT != unix.S_IFDIR {
		names = t.files
	}
	if name, ok := names[identityOf(&s.st)]; ok {
		s.name = name
		return
	}
	if s.st.Dev == folder.st.Dev {
		return
	}
	switch k.filesystem(s) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC:
		s.name = k.nameOf(s)
		return
	}
	if identityOf(&k.base.st) != t.root && k.outlook() != "" {
		return // in a container, whose mounts the supervisor does not see
	}
	// A filesystem that the supervisor does not see under that name hides
	// whatever the tree has below it.
	var st unix.Stat_t
	if s.name != "" && (unix.Lstat(s.name, &st) != nil || identityOf(&st) != identityOf(&s.st)) {
		s.name = ""
	}
}

// outlook is the root that names are as seen from: the tracee's, if it is in a mount
// namespace of its own.
func (k *walker) outlook() root {
	if k.w.shim.passing.namespaces.Load() && !k.w.sharesNamespace(k.c.TID) {
		return root(k.w.ofTracee(k.c.TID, "root"))
	}
	return ""
}

// filesystem is the f_type of the filesystem that an object is on.
func (k *walker) filesystem(s *spot) int64 {
	if magic, ok := k.w.shim.ground.Load().types[uint64(s.st.Dev)]; ok {
		return magic
	}
	if fstatfs(s.fd, &k.w.fs) != 0 {
		return 0
	}
	return k.w.fs.Type
}

// nameOf finds a real object's name in the tree.
//
// Objects of procfs and sysfs are known by where they stand in their filesystem,
// in whatever chroot that is mounted; all others by the name that the
// supervisor knows them under.
func (k *walker) nameOf(s *spot) string {
	if name, ok := k.w.shim.ground.Load().names[identityOf(&s.st)]; ok {
		return name
	}
	own := append(strconv.AppendInt(append(k.w.own[:0], "/proc/self/fd/"...), int64(s.fd), 10), 0)
	n, e := readlinkat(atFDCWD, own, k.w.link[:])
	if e != 0 {
		return ""
	}
	shown := string(k.w.link[:n])
	switch k.filesystem(s) {
	case unix.PROC_SUPER_MAGIC:
		return k.within(s, "/proc", shown, "self")
	case unix.SYSFS_MAGIC:
		return k.within(s, "/sys", shown, "kernel")
	}
	// The kernel shows names of another mount namespace as from the root of that one, and
	// there they have to lead to the object.
	if shown == "/" && s == &k.base && k.outlook() != "" {
		return shown // it is where names of that one are seen from
	}
	var st unix.Stat_t
	if !path.IsAbs(shown) || k.outlook().lstat(shown, &st) != nil || identityOf(&st) != identityOf(&s.st) {
		return "" // removed, or not to be seen from there: a chroot in such a namespace
	}
	return shown
}

// within names an object by its place inside its filesystem: as many of the
// last components of its shown name as it is deep below the filesystem's root.
// mark is a name that only the root of that filesystem has; without it a part
// of the filesystem is mounted there.
func (k *walker) within(s *spot, root, shown, mark string) string {
	parts := strings.Split(strings.Trim(shown, "/"), "/")
	st, fd := s.st, s.fd
	for depth := 0; ; depth++ {
		var above unix.Stat_t
		if st.Mode&unix.S_IFMT != unix.S_IFDIR {
			// A file: its folder is one step up in the shown name.
			if depth > 0 || len(parts) == 0 {
				return ""
			}
			dir, e := openat(atFDCWD, append([]byte(path.Dir(shown)), 0), unix.O_PATH|unix.O_CLOEXEC)
			if e != 0 {
				return shown
			}
			k.fds = append(k.fds, dir)
			folder := spot{fd: dir}
			if fstat(dir, &folder.st) != 0 {
				return ""
			}
			if name := k.within(&folder, root, path.Dir(shown), mark); name != "" {
				return path.Join(name, parts[len(parts)-1])
			}
			return ""
		}
		if fstatat(fd, []byte("..\x00"), &above, 0) != 0 {
			return ""
		}
		if above.Dev != st.Dev || above.Ino == st.Ino {
			var m unix.Stat_t
			if depth > len(parts) {
				return ""
			}
			if fstatat(fd, append([]byte(mark), 0), &m, unix.AT_SYMLINK_NOFOLLOW) != 0 {
				part := k.partMounted(fd)
				if part == "" {
					return ""
				}
				root += part
			}
			return path.Join(append([]string{root}, parts[len(parts)-depth:]...)...)
		}
		up, e := openat(fd, []byte("..\x00"), unix.O_PATH|unix.O_CLOEXEC)
		if e != 0 {
			return ""
		}
		k.fds = append(k.fds, up)
		fd, st = up, above
	}
}

// partMounted tells which directory of a filesystem is mounted where fd stands: the
// root field of the tracee's mountinfo (proc_pid_mountinfo(5)), or "".
func (k *walker) partMounted(fd int) string {
	f, err := os.Open(string(k.w.ofTracee(k.c.TID, "mountinfo")))
	if err != nil {
		return ""
	}
	defer f.Close()
	mounts, err := mountinfo.GetMountsFromReader(f, k.stands(fd))
	if err != nil || len(mounts) == 0 || mounts[0].Root == "/" {
		return ""
	}
	return mounts[0].Root
}

// stands finds the mount that fd is the root of: by its number, or where the kernel
// does not tell that (statx(2) without STATX_MNT_ID) by what its mount point leads to.
func (k *walker) stands(fd int) mountinfo.FilterFunc {
	var x unix.Statx_t
	if unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &x) == nil && x.Mask&unix.STATX_MNT_ID != 0 {
		return func(m *mountinfo.Info) (skip, stop bool) { return m.ID != int(x.Mnt_id), false }
	}
	var st unix.Stat_t
	known := fstat(fd, &st) == 0
	seen := string(k.w.ofTracee(k.c.TID, "root"))
	return func(m *mountinfo.Info) (skip, stop bool) {
		var at unix.Stat_t
		skip = !known || unix.Mkdev(uint32(m.Major), uint32(m.Minor)) != uint64(st.Dev) ||
			!statNow(seen+m.Mountpoint, &at) || identityOf(&at) != identityOf(&st)
		return skip, !skip
	}
}
