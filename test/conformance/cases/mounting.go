package cases

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"golang.org/x/sys/unix"
)

// Rows about mounts that the kernel refuses for want of CAP_SYS_ADMIN and a
// table of the shim's makes. The oracle is a kernel that makes them.

// nobodyMounts is why the rows are not for nobody. Nor are they for a kernel
// that mounts by itself and not as Linux does: they take LinuxMounts.
var nobodyMounts = map[string]string{"native-nobody": "nobody may mount"}

// stage is a folder for a row, called T in its record.
type stage struct {
	*Record
	dir string
}

func newStage(r *Record) *stage {
	s := &stage{r, r.Tmp()}
	r.Defer(func() {
		lines, _ := os.ReadFile("/proc/self/mountinfo")
		for range 20 {
			for _, line := range strings.Split(string(lines), "\n") {
				if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], s.dir) {
					_ = unix.Unmount(f[4], unix.MNT_DETACH)
				}
			}
		}
	})
	return s
}

func (s *stage) at(name string) string { return filepath.Join(s.dir, name) }

func (s *stage) say(format string, args ...any) {
	s.Say("%s", strings.ReplaceAll(fmt.Sprintf(format, args...), s.dir, "T"))
}

func (s *stage) mkdir(names ...string) {
	for _, name := range names {
		must("mkdir", os.MkdirAll(s.at(name), 0o755))
	}
}

func (s *stage) write(name, text string) {
	s.say("write %s: %s", name, Errno(os.WriteFile(s.at(name), []byte(text), 0o644)))
}

func (s *stage) read(names ...string) {
	for _, name := range names {
		s.say("%s has %s", name, s.Content(s.at(name)))
	}
}

func (s *stage) list(names ...string) {
	for _, name := range names {
		entries, err := os.ReadDir(s.at(name))
		var all []string
		for _, e := range entries {
			all = append(all, e.Name())
		}
		sort.Strings(all)
		s.say("%s lists %v %s", name, all, Errno(err))
	}
}

func (s *stage) domount(source, target, kind string, flags uintptr, data string) {
	err := unix.Mount(source, s.at(target), kind, flags, data)
	s.say("mount(%s, %s, %s, %#x, %q) = %s", source, target, kind, flags, data, Errno(err))
}

func (s *stage) bind(source, target string, flags uintptr) {
	s.domount(s.at(source), target, "", unix.MS_BIND|flags, "")
}

func (s *stage) umount(target string, flags int) {
	s.say("umount2(%s, %#x) = %s", target, flags, Errno(unix.Unmount(s.at(target), flags)))
}

// lines records what mountinfo says of the row's mounts, without numbers: those
// of peer groups by their order, and what only this kernel's tmpfs shows.
func (s *stage) lines() {
	b, err := os.ReadFile("/proc/self/mountinfo")
	must("mountinfo", err)
	groups := map[string]int{}
	for _, line := range strings.Split(string(b), "\n") {
		left, right, _ := strings.Cut(line, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if len(f) < 6 || len(g) < 3 || !strings.HasPrefix(f[4], s.dir) {
			continue
		}
		optional := ""
		for _, o := range f[6:] {
			key, number, _ := strings.Cut(o, ":")
			if groups[number] == 0 {
				groups[number] = len(groups) + 1
			}
			optional += fmt.Sprintf(" %s:%d", key, groups[number])
		}
		root := f[3]
		if i := strings.Index(root, s.dir[len("/tmp"):]); i >= 0 {
			root = "T" + root[i+len(s.dir)-len("/tmp"):]
		}
		kind := g[0] + " " + g[1] + " " + strings.ReplaceAll(g[2], ",inode64", "")
		if g[0] != "tmpfs" || strings.HasPrefix(root, "T") {
			kind = "what /tmp is" // on the ground
			f[5] = strings.ReplaceAll(strings.ReplaceAll(f[5], ",relatime", ""), ",nosuid,nodev", "")
		}
		s.say("line %s %s %s%s - %s", root, f[4], f[5], optional, kind)
	}
}

// told records whether all that tells a mount agrees.
func (s *stage) told(point string) {
	var st, above unix.Stat_t
	err := unix.Stat(s.at(point), &st)
	_ = unix.Stat(s.at(point+"/.."), &above)
	lines, _ := mountinfo("/proc/self/mountinfo")
	m := mounted(lines, s.at(point))
	s.say("%s: stat %s, device as mountinfo says %v, another than above %v, mode %#o", point, Errno(err), m.dev == devOf(&st), st.Dev != above.Dev, st.Mode)
	var fs, ffs unix.Statfs_t
	err = statfs(s.at(point), &fs)
	fd, _ := unix.Open(s.at(point), unix.O_RDONLY|unix.O_DIRECTORY, 0)
	s.Hold(fd)
	_ = unix.Fstatfs(fd, &ffs)
	var fst unix.Stat_t
	_ = unix.Fstat(fd, &fst)
	s.say("%s: statfs %s %#x, by descriptor the same %v, fstat the same %v", point, Errno(err), fs.Type, fs.Type == ffs.Type && fs.Blocks == ffs.Blocks, fst.Dev == st.Dev && fst.Ino == st.Ino)
}

func errnoOf(_ int, err error) string { return Errno(err) }

var mountingCases = []Case{
	{
		Name: "mounts/tmpfs", Calls: "mount umount2 newfstatat fstat statx statfs fstatfs openat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("t")
			must("chmod", os.Chmod(s.at("t"), 0o711))
			s.domount("token", "t", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "size=64k,mode=750,uid=7,gid=8")
			s.told("t")
			s.lines()
			s.write("t/file", "secret\n")
			s.read("t/file")
			s.mkdir("t/dir/deeper")
			must("symlink", os.Symlink("../file", s.at("t/dir/link")))
			s.told("t/dir")
			s.read("t/dir/link")
			var st unix.Stat_t
			must("stat", unix.Stat(s.at("t"), &st))
			s.say("owner %d %d", st.Uid, st.Gid)
			var fs unix.Statfs_t
			must("statfs", unix.Statfs(s.at("t/file"), &fs))
			s.say("blocks %d of %d, free %d, flags %#x, names %d", fs.Blocks, fs.Bsize, fs.Bfree, fs.Flags&^0x20, fs.Namelen)
			b, _ := os.ReadFile("/proc/mounts")
			for _, line := range strings.Split(string(b), "\n") {
				if strings.Contains(line, s.at("t")) {
					s.say("%s", strings.ReplaceAll(line, ",inode64", ""))
				}
			}
			s.umount("t", 0)
			s.list("t")
			s.lines()
			must("stat", unix.Stat(s.at("t"), &st))
			s.say("mode %#o, owner %d", st.Mode, st.Uid)
			s.umount("t", 0)
		},
	},
	{
		Name: "mounts/tmpfs-options", Calls: "mount umount2", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("t")
			for _, data := range []string{"size=1m", "size=5000", "mode=1777", "mode=0", "nr_inodes=5k,size=8k", "nr_blocks=3",
				"size=x", "size=", "mode=9", "uid=-1", "unknown", "a=b", "ro", "rw,size=4k", "size=4k,size=8k", ","} {
				s.domount("none", "t", "tmpfs", 0, data)
				s.lines()
				_ = unix.Unmount(s.at("t"), 0)
			}
		},
	},
	{
		Name: "mounts/over-content", Calls: "mount umount2 openat getdents64 getcwd", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("t/sub")
			s.write("t/old", "old\n")
			s.domount("one", "t", "tmpfs", 0, "mode=755")
			s.list("t")
			s.read("t/old")
			s.write("t/first", "first\n")
			s.told("t")
			must("chdir", unix.Chdir(s.at("t")))
			buf := make([]byte, 4096)
			n, err := unix.Getcwd(buf)
			s.say("cwd %s %s", strings.TrimRight(string(buf[:max(n, 0)]), "\x00"), Errno(err))
			must("chdir", unix.Chdir("/"))
			s.domount("two", "t", "tmpfs", 0, "mode=700")
			s.list("t")
			s.lines()
			s.mkdir("t/in/deep")
			s.domount("three", "t/in", "tmpfs", 0, "")
			s.list("t", "t/in")
			s.write("t/in/x", "x")
			s.umount("t", 0)
			s.umount("t/in", 0)
			s.list("t/in")
			s.umount("t", 0)
			s.read("t/first", "t/old")
			s.umount("t", 0)
			s.read("t/old")
			s.list("t")
		},
	},
	{
		Name: "mounts/bind", Calls: "mount umount2 openat newfstatat getdents64 chdir readlinkat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src/sub/deep", "dst", "other")
			s.write("src/file", "one\n")
			must("link", os.Symlink("sub/../file", s.at("src/link")))
			must("link", os.Symlink("../other", s.at("src/out")))
			must("link", os.Symlink(s.at("dst/sub"), s.at("to-sub")))
			must("link", os.Symlink("dst/file", s.at("to-file")))
			must("link", os.Symlink("dst/new", s.at("to-new")))
			s.bind("src", "dst", 0)
			s.lines()
			s.list("dst", "dst/sub", "dst/out", "to-sub")
			s.read("dst/file", "dst/link", "dst/sub/../file", "dst/sub/deep/../../file", "dst//./file", "to-file", "dst/missing", "dst/file/x", "to-new")
			s.write("dst/new", "new\n")
			s.read("src/new", "to-new")
			s.write("dst/sub/deep/x", "x\n")
			s.read("src/sub/deep/x")
			var a, b unix.Stat_t
			must("stat", unix.Stat(s.at("src/file"), &a))
			must("stat", unix.Stat(s.at("dst/file"), &b))
			s.say("one file: %v", a.Ino == b.Ino && a.Dev == b.Dev)
			must("stat", unix.Lstat(s.at("dst/link"), &b))
			s.say("lstat %#o", b.Mode&unix.S_IFMT)
			dir := s.Fixture(s.dir, unix.O_PATH)
			fd, err := unix.Openat(dir, "dst/file", unix.O_RDONLY, 0)
			s.say("by dirfd: %s %s", Errno(err), Drain(s.Hold(fd)))
			must("chdir", unix.Chdir(s.dir))
			fd, err = unix.Open("dst/file", unix.O_RDONLY, 0)
			s.say("relative: %s %s", Errno(err), Drain(s.Hold(fd)))
			s.say("chdir %s", Errno(unix.Chdir("dst/sub")))
			fd, err = unix.Open("../file", unix.O_RDONLY, 0)
			s.say("from inside: %s %s", Errno(err), Drain(s.Hold(fd)))
			s.say("chdir up %s", Errno(unix.Chdir("../sub/..")))
			buf := make([]byte, 4096)
			n, err := unix.Getcwd(buf)
			s.say("cwd %s %s", strings.TrimRight(string(buf[:max(n, 0)]), "\x00"), Errno(err))
			out, err := exec.Command("/bin/sh", "-c", "pwd -P; cd ..; pwd -P; ls").Output()
			s.say("a child is in %q %v", out, err)
			s.say("chdir out %s", Errno(unix.Chdir("..")))
			fd, err = unix.Open("dst/file", unix.O_RDONLY, 0)
			s.say("from outside: %s %s", Errno(err), Drain(s.Hold(fd)))
			must("chdir", unix.Chdir("/"))
			for _, fd := range s.fds {
				_ = unix.Close(fd)
			}
			s.fds = nil
			out, err = exec.Command("/bin/cat", s.at("dst/file")).Output()
			s.say("a child reads %q %v", out, err)
			s.umount("dst", 0)
			s.list("dst")
			s.read("src/new", "to-file")
		},
	},
	{
		Name: "mounts/bind-file", Calls: "mount umount2 openat newfstatat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("d")
			s.write("file", "file\n")
			s.write("d/target", "")
			s.bind("file", "d/target", 0)
			s.read("d/target")
			s.lines()
			s.write("d/target", "changed\n")
			s.read("file")
			s.say("unlink %s", Errno(unix.Unlink(s.at("d/target"))))
			s.say("rename %s", Errno(unix.Rename(s.at("d/target"), s.at("d/else"))))
			s.say("rename onto %s", Errno(unix.Rename(s.at("file"), s.at("d/target"))))
			s.bind("d", "d/target", 0)
			s.bind("file", "d", 0)
			s.umount("d/target", 0)
			s.read("d/target")
			s.say("unlink %s", Errno(unix.Unlink(s.at("d/target"))))
		},
	},
	{
		Name: "mounts/links-in-chroot", Calls: "mount chroot openat newfstatat chdir", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src", "other", "outside", "root/volume/sub", "root/etc", "root/run")
			s.write("src/token", "bound\n")
			s.write("other/secret", "of another\n")
			for link, to := range map[string]string{
				"etc/token": "/volume/token", "etc/new": "/volume/new", "etc/twice": "/etc/token", "etc/up": "../../../volume/token",
				"var": "/run", "etc/gone": "/volume/sub/none", "etc/away": s.at("outside/secret"), "etc/above": s.at("outside"),
			} {
				must("link", os.Symlink(to, s.at("root/"+link)))
			}
			s.bind("src", "root/volume", 0)
			s.bind("src", "root/run", 0)
			s.bind("other", "outside", 0)
			out := s.Fixture("/", unix.O_PATH)
			etc := s.Fixture(s.at("root/etc"), unix.O_PATH)
			must("chroot", unix.Chroot(s.at("root")))
			must("chdir", unix.Chdir("/"))
			read := func(name string) {
				fd, err := unix.Open(name, unix.O_RDONLY, 0)
				s.say("%s: %s %s", name, Errno(err), Drain(s.Hold(fd)))
			}
			for _, name := range []string{"/etc/token", "etc/token", "/etc/twice", "/etc/up", "/var/token", "var/../volume/token",
				"/../volume/token", "/etc/gone", "/etc/away", "etc/away", "/etc/above/secret"} {
				read(name)
			}
			fd, err := unix.Openat(etc, "token", unix.O_RDONLY, 0)
			s.say("by descriptor: %s %s", Errno(err), Drain(s.Hold(fd)))
			var st unix.Stat_t
			s.say("stat away %s, above %s", Errno(unix.Stat("/etc/away", &st)), Errno(unix.Stat("/etc/above", &st)))
			s.say("write %s", Errno(os.WriteFile("/etc/new", []byte("new\n"), 0o644)))
			read("/volume/new")
			s.say("chdir %s", Errno(unix.Chdir("/var")))
			read("token")
			s.say("chdir up %s", Errno(unix.Chdir("..")))
			read("etc/token")
			must("fchdir", unix.Fchdir(out))
			must("chroot", unix.Chroot("."))
			s.read("src/new", "other/secret")
		},
	},
	{
		Name:  "mounts/calls",
		Calls: "mkdir mkdirat mknod mknodat symlink symlinkat link linkat rename renameat renameat2 unlink unlinkat rmdir chmod fchmodat fchmodat2 chown lchown fchownat utime utimes futimesat utimensat truncate access faccessat faccessat2 readlink readlinkat getxattr lgetxattr setxattr lsetxattr listxattr llistxattr removexattr lremovexattr creat open stat lstat statx",
		Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src", "dst")
			s.bind("src", "dst", 0)
			dst, src := s.Fixture(s.dir, unix.O_PATH), s.at("src")
			mode := func(name string) string {
				var st unix.Stat_t
				err := unix.Lstat(filepath.Join(src, name), &st)
				if st.Mode&unix.S_IFMT == unix.S_IFDIR {
					st.Size = 0 // as the ground's filesystem has it
				}
				return fmt.Sprintf("%#o %d:%d %d %s", st.Mode, st.Uid, st.Gid, st.Size, Errno(err))
			}
			try := func(what, name string, err error) {
				s.say("%s: %s; %s", what, Errno(err), mode(name))
			}
			path := func(name string) uintptr { return cstr(s.at("dst/" + name)) }
			rel := func(name string) uintptr { return cstr("dst/" + name) }
			do := func(what, name string, nr uintptr, args ...uintptr) {
				_, err := call(nr, args...)
				try(what, name, err)
			}
			do("mkdirat", "a", unix.SYS_MKDIRAT, fdarg(dst), rel("a"), 0o777)
			do("mkdirat again", "a", unix.SYS_MKDIRAT, fdarg(dst), rel("a"), 0o777)
			do("mkdirat below nothing", "x", unix.SYS_MKDIRAT, fdarg(dst), rel("x/y"), 0o777)
			do("mknodat", "f", unix.SYS_MKNODAT, fdarg(dst), rel("f"), unix.S_IFREG|0o666, 0)
			do("mknodat pipe", "p", unix.SYS_MKNODAT, fdarg(dst), rel("p"), unix.S_IFIFO|0o600, 0)
			do("symlinkat", "l", unix.SYS_SYMLINKAT, cstr("f"), fdarg(dst), rel("l"))
			do("linkat", "h", unix.SYS_LINKAT, fdarg(dst), rel("f"), fdarg(dst), rel("h"), 0)
			do("renameat2", "g", unix.SYS_RENAMEAT2, fdarg(dst), rel("h"), fdarg(dst), rel("g"), 0)
			do("renameat2 onto", "g", unix.SYS_RENAMEAT2, fdarg(dst), rel("f"), fdarg(dst), rel("g"), unix.RENAME_NOREPLACE)
			do("link across", "z", unix.SYS_LINKAT, fdarg(dst), rel("f"), fdarg(dst), cstr("src/z"), 0)
			do("rename across", "f", unix.SYS_RENAMEAT2, fdarg(dst), rel("f"), fdarg(dst), cstr("src/z"), 0)
			do("fchmodat", "f", unix.SYS_FCHMODAT, fdarg(dst), rel("f"), 0o640)
			do("fchmodat of a link", "f", unix.SYS_FCHMODAT, fdarg(dst), rel("l"), 0o604)
			do("fchownat", "f", unix.SYS_FCHOWNAT, fdarg(dst), rel("f"), 3, 4, 0)
			do("fchownat of a link", "l", unix.SYS_FCHOWNAT, fdarg(dst), rel("l"), 5, 6, unix.AT_SYMLINK_NOFOLLOW)
			times := [2]unix.Timespec{{Sec: 1000}, {Sec: 2000}}
			do("utimensat", "f", unix.SYS_UTIMENSAT, fdarg(dst), rel("f"), pointer(&times), 0)
			do("faccessat", "f", unix.SYS_FACCESSAT, fdarg(dst), rel("f"), unix.R_OK|unix.W_OK)
			do("faccessat of nothing", "q", unix.SYS_FACCESSAT, fdarg(dst), rel("q"), 0)
			var st unix.Stat_t
			must("stat", unix.Stat(s.at("dst/f"), &st))
			s.say("times %d", st.Mtim.Sec)
			do("truncate", "f", unix.SYS_TRUNCATE, path("f"), 5)
			buf := make([]byte, 64)
			n, err := unix.Readlinkat(dst, "dst/l", buf)
			s.say("readlinkat %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Readlinkat(dst, "dst/f", buf)
			s.say("readlinkat of a file %d %s", n, Errno(err))
			n, err = unix.Readlinkat(dst, "dst/l", buf[:1])
			s.say("readlinkat short %d %s", n, Errno(err))
			legacyCalls(s, do, path)
			do("unlinkat of a directory", "a", unix.SYS_UNLINKAT, fdarg(dst), rel("a"), 0)
			do("unlinkat", "a", unix.SYS_UNLINKAT, fdarg(dst), rel("a"), unix.AT_REMOVEDIR)
			do("unlinkat", "l", unix.SYS_UNLINKAT, fdarg(dst), rel("l"), 0)
			do("open exclusively", "f", unix.SYS_OPENAT, fdarg(dst), rel("f"), unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o666)
			fd, err := unix.Openat(dst, "dst/n", unix.O_CREAT|unix.O_EXCL|unix.O_RDWR, 0o666)
			s.say("open new: %s; %s", Errno(err), mode("n"))
			s.Hold(fd)
			_, err = unix.Write(fd, []byte("text"))
			s.say("written: %s %s", Errno(err), mode("n"))
			fd, err = unix.Openat(dst, "dst/n", unix.O_TRUNC|unix.O_WRONLY, 0)
			s.say("truncated: %s %s", Errno(err), mode("n"))
			s.Hold(fd)
			fd, err = unix.Openat(dst, "dst", unix.O_TMPFILE|unix.O_RDWR, 0o600)
			s.say("directory open as: %v", err == nil || err == unix.EOPNOTSUPP || err == unix.EINVAL || err == unix.EISDIR)
			s.Hold(fd)
			s.list("src")
			s.umount("dst", unix.MNT_DETACH)
		},
	},
	{
		Name: "mounts/umask", Calls: "mkdir openat", Needs: Root | Own, Known: true,
		Takes: Umasks, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src", "dst")
			must("chmod", os.Chmod(s.at("src"), 0o2777))
			s.bind("src", "dst", 0)
			unix.Umask(0o027)
			must("mkdir", os.Mkdir(s.at("dst/dir"), 0o777))
			must("write", os.WriteFile(s.at("dst/file"), nil, 0o666))
			for _, name := range []string{"dir", "file"} {
				var st unix.Stat_t
				must("stat", unix.Stat(s.at("src/"+name), &st))
				s.say("%s %#o", name, st.Mode)
			}
		},
	},
	{
		Name: "mounts/xattr", Calls: "getxattr lgetxattr setxattr lsetxattr listxattr llistxattr removexattr lremovexattr", Needs: Root | Own, Known: true,
		Takes: UserXattr, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src", "dst")
			s.write("src/f", "")
			s.bind("src", "dst", 0)
			f := s.at("dst/f")
			s.say("set %s", Errno(unix.Setxattr(f, "user.shim", []byte("value"), 0)))
			s.say("lset %s", Errno(unix.Lsetxattr(f, "user.second", []byte("v"), unix.XATTR_CREATE)))
			buf := make([]byte, 64)
			n, err := unix.Getxattr(f, "user.shim", buf)
			s.say("get %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Lgetxattr(f, "user.shim", buf[:2])
			s.say("lget short %d %s", n, Errno(err))
			n, err = unix.Getxattr(s.at("src/f"), "user.second", buf)
			s.say("at the source %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Listxattr(f, nil)
			s.say("list size %d %s", n, Errno(err))
			n, err = unix.Llistxattr(f, buf)
			s.say("llist %d %s", n, Errno(err))
			s.say("remove %s", Errno(unix.Removexattr(f, "user.shim")))
			s.say("lremove %s", Errno(unix.Lremovexattr(f, "user.shim")))
		},
	},
	{
		Name: "mounts/read-only", Calls: "mount openat mkdirat unlinkat renameat2 truncate faccessat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src/dir", "dst", "t")
			s.write("src/file", "text\n")
			s.bind("src", "dst", unix.MS_RDONLY) // without effect: only a remount makes it so
			s.write("dst/file", "text\n")
			s.domount("none", "dst", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID, "")
			s.lines()
			s.domount("none", "t", "tmpfs", unix.MS_RDONLY, "mode=755")
			for _, dir := range []string{"dst", "t"} {
				file := func(name string) string { return s.at(dir + "/" + name) }
				for _, flags := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_RDONLY | unix.O_TRUNC, unix.O_WRONLY | unix.O_CREAT, unix.O_RDONLY | unix.O_CREAT, unix.O_WRONLY | unix.O_CREAT | unix.O_EXCL} {
					for _, name := range []string{"file", "missing", "dir", "missing/below"} {
						fd, err := unix.Open(file(name), flags, 0o600)
						s.say("open %s/%s %#x: %s", dir, name, flags, Errno(err))
						s.Hold(fd)
					}
				}
				s.say("mkdir %s %s", Errno(unix.Mkdir(file("new"), 0o700)), Errno(unix.Mkdir(file("dir"), 0o700)))
				s.say("symlink %s", Errno(unix.Symlink("x", file("new"))))
				s.say("unlink %s %s", Errno(unix.Unlink(file("file"))), Errno(unix.Unlink(file("missing"))))
				s.say("rmdir %s", Errno(unix.Rmdir(file("dir"))))
				s.say("rename %s %s", Errno(unix.Rename(file("file"), file("new"))), Errno(unix.Rename(file("missing"), file("new"))))
				s.say("link %s", Errno(unix.Link(file("file"), file("new"))))
				s.say("chmod %s %s", Errno(unix.Chmod(file("file"), 0o600)), Errno(unix.Chmod(file("missing"), 0o600)))
				s.say("chown %s", Errno(unix.Chown(file("file"), 1, 1)))
				s.say("truncate %s", Errno(unix.Truncate(file("file"), 0)))
				s.say("access %s %s %s", Errno(unix.Access(file("file"), unix.W_OK)), Errno(unix.Access(file("file"), unix.R_OK)), Errno(unix.Access(file("missing"), unix.W_OK)))
				s.say("utimes %s", Errno(unix.UtimesNanoAt(unix.AT_FDCWD, file("file"), nil, 0)))
			}
			s.read("dst/file")
			s.domount("none", "dst", "", unix.MS_REMOUNT|unix.MS_BIND, "")
			s.write("dst/file", "again\n")
			s.read("src/file")
		},
	},
	{
		Name: "mounts/propagation", Calls: "mount umount2", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("k/pod", "peer", "slave", "u")
			s.bind("k", "k", 0)
			s.domount("none", "k", "", unix.MS_SHARED|unix.MS_REC, "")
			s.lines()
			s.domount("tok", "k/pod", "tmpfs", 0, "size=4k")
			s.lines()
			s.write("k/pod/x", "x\n")
			s.umount("k/pod", 0)
			s.domount("none", "k", "", unix.MS_PRIVATE, "")
			s.lines()
			s.domount("none", "k", "", unix.MS_UNBINDABLE, "")
			s.bind("k", "u", 0)
			s.domount("none", "k", "", unix.MS_SLAVE, "")
			s.lines()
			for _, flags := range []uintptr{unix.MS_SHARED | unix.MS_PRIVATE, unix.MS_SHARED | unix.MS_RDONLY, unix.MS_SHARED | unix.MS_SILENT} {
				s.domount("none", "k", "", flags, "")
			}
			s.domount("none", "u", "", unix.MS_SHARED, "")
			s.domount("none", "nothing", "", unix.MS_SHARED, "")
		},
	},
	{
		Name: "mounts/peers", Calls: "mount umount2 openat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("k/pod", "k/other", "peer", "slave")
			s.bind("k", "k", 0)
			s.domount("none", "k", "", unix.MS_SHARED, "")
			s.bind("k", "peer", 0)
			s.bind("k", "slave", 0)
			s.domount("none", "slave", "", unix.MS_SLAVE, "")
			s.domount("tok", "k/pod", "tmpfs", 0, "")
			s.write("k/pod/x", "x\n")
			s.read("peer/pod/x", "slave/pod/x")
			s.domount("tok", "slave/other", "tmpfs", 0, "")
			s.write("slave/other/y", "y\n")
			s.list("k/other", "peer/other")
			s.umount("peer/pod", 0)
			s.list("k/pod", "slave/pod")
		},
	},
	{
		Name: "mounts/rbind", Calls: "mount umount2 openat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src/one/in", "src/two", "plain", "deep")
			s.domount("one", "src/one", "tmpfs", 0, "mode=755")
			s.mkdir("src/one/in")
			s.domount("in", "src/one/in", "tmpfs", 0, "mode=755")
			s.write("src/one/file", "one\n")
			s.write("src/one/in/file", "in\n")
			s.bind("src", "plain", 0)
			s.bind("src", "deep", unix.MS_REC)
			s.list("deep/one", "deep/one/in")
			s.read("deep/one/file", "deep/one/in/file")
			s.lines()
			s.umount("deep", 0)
			s.umount("deep", unix.MNT_DETACH)
			s.list("deep")
			s.read("src/one/in/file")
		},
	},
	{
		Name: "mounts/umount", Calls: "umount2", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("t", "d")
			s.write("file", "")
			must("link", os.Symlink("t", s.at("link")))
			for _, name := range []string{"t", "file", "missing", "file/x", "d"} {
				s.umount(name, 0)
				s.umount(name, 0x100)
			}
			_, err := call(unix.SYS_UMOUNT2, 1, 0)
			s.say("bad pointer %s", Errno(err))
			_, err = call(unix.SYS_UMOUNT2, cstr(""), 0)
			s.say("empty name %s", Errno(err))
			_, err = call(unix.SYS_UMOUNT2, cstr(strings.Repeat("x", 5000)), 0)
			s.say("long name %s", Errno(err))
			s.domount("none", "t", "tmpfs", 0, "")
			s.write("t/file", "text\n")
			fd, err := unix.Open(s.at("t/file"), unix.O_RDONLY, 0)
			must("open", err)
			s.umount("t", 0)
			s.umount("link", unix.UMOUNT_NOFOLLOW)
			s.umount("t", unix.MNT_EXPIRE)
			s.umount("t", unix.MNT_EXPIRE|unix.MNT_DETACH)
			must("close", unix.Close(fd))
			must("chdir", unix.Chdir(s.at("t")))
			s.umount("t", 0)
			must("chdir", unix.Chdir("/"))
			s.say("rmdir %s", Errno(unix.Rmdir(s.at("t"))))
			s.umount("t", unix.MNT_EXPIRE)
			s.umount("t", unix.MNT_EXPIRE)
			s.umount("t", 0)
			s.domount("none", "t", "tmpfs", 0, "")
			s.write("t/file", "text\n")
			fd, err = unix.Open(s.at("t/file"), unix.O_RDONLY, 0)
			must("open", err)
			s.umount("link", unix.MNT_DETACH)
			s.say("still open: %s", Drain(s.Hold(fd)))
			s.list("t")
			s.say("rmdir %s", Errno(unix.Rmdir(s.at("t"))))
		},
	},
	{
		Name: "mounts/errors", Calls: "mount fsopen fspick open_tree mount_setattr move_mount", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("d", "e")
			s.write("file", "")
			must("link", os.Symlink("d", s.at("link")))
			must("link", os.Symlink("loop", s.at("loop")))
			s.domount("none", "missing", "tmpfs", 0, "")
			s.domount("none", "file/x", "tmpfs", 0, "")
			s.domount("none", "loop", "tmpfs", 0, "")
			s.domount("none", "file", "tmpfs", 0, "")
			s.domount("none", "link", "tmpfs", 0, "mode=700")
			s.lines()
			s.umount("d", 0)
			s.bind("missing", "d", 0)
			s.bind("file", "d", 0)
			s.bind("d", "file", 0)
			s.bind("d", "missing", 0)
			s.domount("", "d", "", unix.MS_BIND, "")
			s.domount("none", "d", "", unix.MS_REMOUNT, "")
			s.domount("none", "d", "", unix.MS_REMOUNT|unix.MS_BIND, "")
			try := func(what string, args ...uintptr) {
				_, err := call(unix.SYS_MOUNT, args...)
				s.say("%s: %s", what, Errno(err))
			}
			d := cstr(s.at("d"))
			try("no type", cstr("none"), d, 0, 0, 0)
			try("no source of a bind", 0, d, 0, unix.MS_BIND, 0)
			try("bad target", cstr("none"), 1, cstr("tmpfs"), 0, 0)
			try("no target", cstr("none"), 0, cstr("tmpfs"), 0, 0)
			try("empty target", cstr("none"), cstr(""), cstr("tmpfs"), 0, 0)
			try("no source", 0, d, cstr("tmpfs"), 0, 0)
			s.lines()
			s.umount("d", 0)
			try("magic", cstr("none"), d, cstr("tmpfs"), 0xc0ed0000|unix.MS_NOEXEC, 0)
			s.lines()
			s.umount("d", 0)
		},
	},
	{
		Name: "mounts/new-interface", Calls: "fsopen fspick open_tree mount_setattr move_mount", Like: Stated, Needs: Root | Own, Known: true,
		Want:  []string{"fsopen ENOSYS", "fspick ENOSYS", "open_tree ENOSYS", "mount_setattr ENOSYS", "move_mount ENOSYS", "open_tree without a clone is the kernel's: true"},
		Takes: NewMounts, Not: map[string]string{"native-nobody": "nobody may mount", "native/": "the kernel has them"},
		Run: func(r *Record) {
			at := uint64(0xffffffffffffff9c)
			r.Say("fsopen %s", errnoOf(call(unix.SYS_FSOPEN, cstr("tmpfs"), 0)))
			r.Say("fspick %s", errnoOf(call(unix.SYS_FSPICK, uintptr(at), cstr("/tmp"), 0)))
			r.Say("open_tree %s", errnoOf(call(unix.SYS_OPEN_TREE, uintptr(at), cstr("/tmp"), unix.OPEN_TREE_CLONE)))
			r.Say("mount_setattr %s", errnoOf(call(unix.SYS_MOUNT_SETATTR, uintptr(at), cstr("/tmp"), 0, 0, 0)))
			r.Say("move_mount %s", errnoOf(call(unix.SYS_MOVE_MOUNT, uintptr(at), cstr("/tmp"), uintptr(at), cstr("/tmp"), 0)))
			fd, err := call(unix.SYS_OPEN_TREE, uintptr(at), cstr("/tmp"), 0)
			r.Say("open_tree without a clone is the kernel's: %v", err == nil || err == unix.ENOSYS)
			if err == nil {
				r.Hold(int(fd))
			}
		},
	},
	{
		Name: "mounts/nobody", Calls: "mount umount2", Like: Bare, Real: true, Needs: Nobody,
		Run: func(r *Record) {
			dir := r.Tmp()
			r.Say("%s", Errno(unix.Mount("none", dir, "tmpfs", 0, "")))
			r.Say("%s", Errno(unix.Mount("/etc", dir, "", unix.MS_BIND, "")))
			r.Say("%s", Errno(unix.Unmount(dir, 0)))
		},
	},
	{
		Name: "mounts/as-nobody", Calls: "openat mkdirat newfstatat faccessat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("src/open", "src/closed", "dst")
			must("chmod", os.Chmod(s.at("src/open"), 0o777))
			must("chmod", os.Chmod(s.at("src/closed"), 0o700))
			s.write("src/closed/x", "x")
			s.write("src/file", "text\n")
			must("chmod", os.Chmod(s.at("src/file"), 0o640))
			s.bind("src", "dst", 0)
			// By absolute names: where another user's process may not be looked at, its
			// working directory is not known.
			script := `d=$0/dst; id -u; cat $d/file; cat $d/closed/x; echo a > $d/open/mine && cat $d/open/mine; mkdir $d/open/d $d/no; ls $d; rm -f $d/file; test -r $d/file || echo unreadable; chmod 600 $d/file; stat -c '%u %a' $d/open/mine`
			s.runAs("65534", script)
			s.list("src", "src/open")
		},
	},
	{
		Name: "mounts/tools", Calls: "mount umount2 openat", Needs: Root | Own, Known: true, Takes: LinuxMounts, Not: nobodyMounts,
		Run: func(r *Record) {
			s := newStage(r)
			s.mkdir("t", "src", "dst")
			s.write("src/f", "f\n")
			s.script(`cd $0; mount -t tmpfs -o size=64k,mode=700 tok t; echo $?; findmnt -n -o SOURCE,FSTYPE,SIZE t; mountpoint -q t; echo $?; mountpoint -q src; echo $?
				stat -f -c %T t; df --output=size,source t | tail -n 1; busybox df t | tail -n 1 | busybox awk '{print $1, $2}'
				echo x > t/x; mv t/x src/moved; cat src/moved; umount t; echo $?; ls -A t; umount t 2>&1; echo $?
				mount --bind src dst; cat dst/f; ls dst; mount -o remount,ro,bind dst; touch dst/g 2>&1; findmnt -n -o OPTIONS dst | cut -c 1-2; busybox umount dst; echo $?
				mount --make-rshared dst 2>/dev/null; echo $?; mount --rbind src src && mount --make-rshared src; findmnt -n -o PROPAGATION src; umount -l src; rm -rf src/moved; find . | sort`)
		},
	},
}

func (s *stage) script(text string) { s.run("/bin/sh", "-c", text, s.dir) }

func (s *stage) runAs(uid, text string) {
	s.run("/usr/bin/setpriv", "--reuid="+uid, "--regid="+uid, "--clear-groups", "/bin/sh", "-c", text, s.dir)
}

func (s *stage) run(args ...string) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		s.say("%s", strings.TrimSpace(line))
	}
	if err != nil {
		s.say("%v", err)
	}
}
