package cases

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// described is what of a struct stat is the same for two files of one kind.
func (r *Record) described(st *unix.Stat_t, err error) string {
	if err != nil {
		return Errno(err)
	}
	var proc unix.Stat_t
	_ = unix.Stat("/proc/sys", &proc)
	return fmt.Sprintf("mode=%#o nlink=%d uid=%d gid=%d rdev=%d size=%d blksize=%d blocks=%d on-proc=%v ino=%v times=%v",
		st.Mode, st.Nlink, st.Uid, st.Gid, st.Rdev, st.Size, st.Blksize, st.Blocks, st.Dev == proc.Dev, st.Ino != 0,
		st.Mtim.Sec > 0 && st.Atim.Sec > 0 && st.Ctim.Sec > 0)
}

var statxFlags = []struct {
	name string
	bits int
}{
	{"0", 0},
	{"SYMLINK_NOFOLLOW", unix.AT_SYMLINK_NOFOLLOW},
	{"NO_AUTOMOUNT", unix.AT_NO_AUTOMOUNT},
	{"NO_AUTOMOUNT|SYMLINK_NOFOLLOW", unix.AT_NO_AUTOMOUNT | unix.AT_SYMLINK_NOFOLLOW},
	{"FORCE_SYNC", unix.AT_STATX_FORCE_SYNC},
	{"DONT_SYNC", unix.AT_STATX_DONT_SYNC},
	{"FORCE_SYNC|DONT_SYNC", unix.AT_STATX_FORCE_SYNC | unix.AT_STATX_DONT_SYNC},
	{"EMPTY_PATH", unix.AT_EMPTY_PATH},
	{"REMOVEDIR", unix.AT_REMOVEDIR},
	{"1<<30", 1 << 30},
}

var statCases = []Case{
	{
		Name: "stat/newfstatat", Calls: "newfstatat",
		Run: func(r *Record) {
			for _, kind := range kinds {
				for _, f := range statxFlags[:4] {
					var st unix.Stat_t
					err := newfstatat(unix.AT_FDCWD, r.Path(kind), &st, f.bits)
					r.Say("newfstatat(%s, %s) = %s", kind, f.name, r.described(&st, err))
				}
			}
			for _, f := range statxFlags[7:] {
				var st unix.Stat_t
				err := newfstatat(unix.AT_FDCWD, r.Path("range"), &st, f.bits)
				r.Say("newfstatat(range, %s) = %s", f.name, r.described(&st, err))
			}
		},
	},
	{
		Name: "stat/old-calls", Calls: "stat lstat fstat",
		Run: func(r *Record) {
			for _, kind := range kinds {
				var st unix.Stat_t
				err := stat2(unix.SYS_STAT, r.Path(kind), &st)
				r.Say("stat(%s) = %s", kind, r.described(&st, err))
				err = stat2(unix.SYS_LSTAT, r.Path(kind), &st)
				r.Say("lstat(%s) = %s", kind, r.described(&st, err))
			}
			for _, kind := range []string{"range", "const", "keys"} {
				var st unix.Stat_t
				_, err := call(unix.SYS_FSTAT, fdarg(r.Fixture(kind, unix.O_RDONLY)), pointer(&st))
				r.Say("fstat(%s) = %s", kind, r.described(&st, err))
				_, err = call(unix.SYS_FSTAT, fdarg(r.Fixture(kind, unix.O_PATH)), pointer(&st))
				r.Say("fstat(O_PATH %s) = %s", kind, r.described(&st, err))
			}
		},
	},
	{
		Name: "stat/as-nobody", Calls: "newfstatat statx", Needs: Nobody,
		Run: func(r *Record) {
			for _, kind := range kinds {
				var st unix.Stat_t
				err := newfstatat(unix.AT_FDCWD, r.Path(kind), &st, 0)
				r.Say("newfstatat(%s) = %s", kind, r.described(&st, err))
			}
		},
	},
	{
		Name: "stat/same-inode", Calls: "newfstatat fstat statx lstat",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "const", "keys", "keys/maxkeys"} {
				var path, again, link, open, node unix.Stat_t
				var x unix.Statx_t
				_ = newfstatat(unix.AT_FDCWD, r.Path(kind), &path, 0)
				_ = newfstatat(unix.AT_FDCWD, r.Path(kind), &again, 0)
				_ = stat2(unix.SYS_LSTAT, r.Path(kind), &link)
				fd := r.Fixture(kind, unix.O_RDONLY)
				_ = unix.Fstat(fd, &open)
				_ = newfstatat(unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", fd), &node, 0)
				err := statx(unix.AT_FDCWD, r.Path(kind), 0, unix.STATX_BASIC_STATS, &x)
				r.Say("%s: again=%v lstat=%v fstat=%v /proc/self/fd=%v statx=%v (%s)", kind,
					path.Ino == again.Ino && path.Dev == again.Dev,
					path.Ino == link.Ino && path.Dev == link.Dev,
					path.Ino == open.Ino && path.Dev == open.Dev,
					path.Ino == node.Ino && path.Dev == node.Dev,
					path.Ino == x.Ino && path.Dev == unix.Mkdev(x.Dev_major, x.Dev_minor), Errno(err))
			}
			var a, b unix.Stat_t
			_ = newfstatat(unix.AT_FDCWD, r.Path("range"), &a, 0)
			_ = newfstatat(unix.AT_FDCWD, r.Path("const"), &b, 0)
			r.Say("two files differ: %v", a.Ino != b.Ino)
		},
	},
	{
		Name: "stat/statx", Calls: "statx",
		Run: func(r *Record) {
			for _, kind := range kinds {
				for _, f := range statxFlags {
					var x unix.Statx_t
					err := statx(unix.AT_FDCWD, r.Path(kind), f.bits, unix.STATX_BASIC_STATS, &x)
					r.Say("statx(%s, %s) = %s", kind, f.name, r.describedX(&x, err))
				}
			}
			for _, mask := range []int{0, unix.STATX_TYPE, unix.STATX_SIZE, unix.STATX_ALL, 0x7fffffff} {
				var x unix.Statx_t
				err := statx(unix.AT_FDCWD, r.Path("range"), 0, mask, &x)
				r.Say("statx(range, mask %#x) = %s", mask, r.describedX(&x, err))
			}
			for _, kind := range []string{"range", "keys"} {
				var x unix.Statx_t
				err := statx(r.Fixture(kind, unix.O_RDONLY), "", unix.AT_EMPTY_PATH, unix.STATX_BASIC_STATS, &x)
				r.Say("statx(fd of %s, EMPTY_PATH) = %s", kind, r.describedX(&x, err))
			}
			var x unix.Statx_t
			_, err := call(unix.SYS_STATX, fdarg(unix.AT_FDCWD), cstr(r.Path("range")), 0, 0x80000000, pointer(&x))
			r.Say("statx(range, STATX__RESERVED) = %s", Errno(err))
		},
	},
	{
		Name: "stat/statx-mount", Calls: "statx",
		Run: func(r *Record) {
			var x, proc unix.Statx_t
			err := statx(unix.AT_FDCWD, r.Path("range"), 0, unix.STATX_BASIC_STATS|unix.STATX_BTIME|unix.STATX_MNT_ID, &x)
			_ = statx(unix.AT_FDCWD, "/proc/sys", 0, unix.STATX_MNT_ID, &proc)
			r.Say("%s mask=%#x attributes=%#x of %#x same-mount=%v", Errno(err), x.Mask, x.Attributes, x.Attributes_mask, x.Mnt_id == proc.Mnt_id)
		},
		Takes: MountIDs,
	},
	{
		Name: "stat/empty-path", Calls: "newfstatat fstat",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "keys"} {
				for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
					fd := r.Fixture(kind, flags)
					var st unix.Stat_t
					err := newfstatat(fd, "", &st, unix.AT_EMPTY_PATH)
					r.Say("newfstatat(fd of %s %#x, \"\", EMPTY_PATH) = %s", kind, flags, r.described(&st, err))
					err = newfstatat(fd, "", &st, 0)
					r.Say("newfstatat(fd of %s %#x, \"\") = %s", kind, flags, r.described(&st, err))
					err = newfstatat(fd, r.Path("const"), &st, unix.AT_EMPTY_PATH)
					r.Say("newfstatat(fd of %s %#x, absolute, EMPTY_PATH) = %s", kind, flags, r.described(&st, err))
				}
			}
		},
	},
	{
		Name: "stat/statfs", Calls: "statfs fstatfs",
		Run: func(r *Record) {
			for _, kind := range kinds {
				var st unix.Statfs_t
				err := statfs(r.Path(kind), &st)
				r.Say("statfs(%s) = %s", kind, describedFS(&st, err))
			}
			for _, kind := range []string{"range", "const", "keys"} {
				var st unix.Statfs_t
				_, err := call(unix.SYS_FSTATFS, fdarg(r.Fixture(kind, unix.O_RDONLY)), pointer(&st))
				r.Say("fstatfs(%s) = %s", kind, describedFS(&st, err))
				_, err = call(unix.SYS_FSTATFS, fdarg(r.Fixture(kind, unix.O_PATH)), pointer(&st))
				r.Say("fstatfs(O_PATH %s) = %s", kind, describedFS(&st, err))
			}
		},
	},
}

// describedX is described for statx.
func (r *Record) describedX(x *unix.Statx_t, err error) string {
	if err != nil {
		return Errno(err)
	}
	return fmt.Sprintf("basic=%v mode=%#o nlink=%d uid=%d gid=%d rdev=%d:%d size=%d blksize=%d blocks=%d ino=%v",
		x.Mask&unix.STATX_BASIC_STATS == unix.STATX_BASIC_STATS, x.Mode, x.Nlink, x.Uid, x.Gid, x.Rdev_major, x.Rdev_minor,
		x.Size, x.Blksize, x.Blocks, x.Ino != 0)
}

// describedFS is what of a struct statfs is the same on every procfs.
func describedFS(st *unix.Statfs_t, err error) string {
	if err != nil {
		return Errno(err)
	}
	return fmt.Sprintf("type=%#x bsize=%d blocks=%d files=%d namelen=%d", st.Type, st.Bsize, st.Blocks, st.Files, st.Namelen)
}
