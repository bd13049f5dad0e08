package cases

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A mountLine is one line of mountinfo.
type mountLine struct {
	dev, point, kind, source string
}

// mountinfo parses a mountinfo file. Fields are separated by any blanks: old
// gVisor writes two where there are no options.
func mountinfo(name string) (lines []mountLine, err error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		left, right, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(left), strings.Fields(right)
		if !ok || len(f) < 5 || len(g) < 2 {
			return nil, fmt.Errorf("bad line %q", line)
		}
		lines = append(lines, mountLine{dev: f[2], point: f[4], kind: g[0], source: g[1]})
	}
	return lines, nil
}

// mounted is the line of a mount point, the last one where there are several.
func mounted(lines []mountLine, point string) (m mountLine) {
	for _, l := range lines {
		if l.point == point {
			m = l
		}
	}
	return m
}

func devOf(st *unix.Stat_t) string {
	return fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
}

// twoMounts runs a row for both mounts that the profile lies about.
func twoMounts(look func(r *Record, label, point string)) func(*Record) {
	return func(r *Record) {
		look(r, "first", r.Path("lied"))
		look(r, "second", r.Path("lied2"))
	}
}

// both is the expectation for two mounts that look the same.
func both(lines ...string) (want []string) {
	for _, label := range []string{"first", "second"} {
		for _, l := range lines {
			want = append(want, label+" "+l)
		}
	}
	return want
}

var mountCases = []Case{
	{
		Name: "mount/statfs", Calls: "statfs fstatfs", Like: Stated, Needs: Root,
		Want: both("statfs 0xef53 ok", "fstatfs 0xef53 ok", "O_PATH fstatfs 0xef53 ok", "statfs of a file below 0xef53 ok", "fstatfs of a file below 0xef53 ok", "the sizes are the real ones: true"),
		Run: twoMounts(func(r *Record, label, point string) {
			var st, fst unix.Statfs_t
			err := statfs(point, &st)
			r.Say("%s statfs %#x %s", label, st.Type, Errno(err))
			_, err = call(unix.SYS_FSTATFS, fdarg(r.Fixture(point, unix.O_RDONLY)), pointer(&fst))
			r.Say("%s fstatfs %#x %s", label, fst.Type, Errno(err))
			_, err = call(unix.SYS_FSTATFS, fdarg(r.Fixture(point, unix.O_PATH)), pointer(&fst))
			r.Say("%s O_PATH fstatfs %#x %s", label, fst.Type, Errno(err))
			file := strings.TrimSuffix(point, "/") + "/conformance-" + strconv.Itoa(os.Getpid())
			fd, err := unix.Open(file, unix.O_CREAT|unix.O_RDWR, 0o600)
			must("create", err)
			r.Hold(fd)
			r.Defer(func() { _ = os.Remove(file) })
			err = statfs(file, &st)
			r.Say("%s statfs of a file below %#x %s", label, st.Type, Errno(err))
			_, err = call(unix.SYS_FSTATFS, fdarg(fd), pointer(&fst))
			r.Say("%s fstatfs of a file below %#x %s", label, fst.Type, Errno(err))
			r.Say("%s the sizes are the real ones: %v", label, st.Bsize > 0 && st.Blocks == fst.Blocks && st.Bfree <= st.Blocks)
		}),
	},
	{
		Name: "mount/mountinfo", Calls: "openat read", Like: Stated, Needs: Root | Own,
		Want: both(
			"self/mountinfo: ext4 /dev/shim true", "thread-self/mountinfo: ext4 /dev/shim true",
			"1/mountinfo: ext4 /dev/shim true", "by pid: ext4 /dev/shim true",
			"device as stat says: true", "no other mount has its source: true",
			"self/mounts: ext4 true", "mounts: ext4 true", "/etc/mtab alike: true"),
		Run: twoMounts(func(r *Record, label, point string) {
			lines, err := mountinfo("/proc/self/mountinfo")
			must("mountinfo", err)
			own := mounted(lines, point)
			for _, name := range []string{"self", "thread-self", "1", strconv.Itoa(os.Getppid())} {
				lines, err := mountinfo("/proc/" + name + "/mountinfo")
				m := mounted(lines, point)
				what := name + "/mountinfo"
				if name == strconv.Itoa(os.Getppid()) {
					what = "by pid"
				}
				if name == "1" && err == nil && m.kind == "" {
					// Another mount namespace, where this mount is not.
					m = own
				}
				r.Say("%s %s: %s %s %v", label, what, m.kind, strings.TrimRight(m.source, "0123456789"), m.source == own.source && err == nil)
			}
			var st unix.Stat_t
			_ = unix.Stat(point, &st)
			r.Say("%s device as stat says: %v", label, own.dev == devOf(&st) && own.kind == "ext4")
			unique := own.source != "none"
			for _, l := range lines {
				if l.point != point && l.dev != own.dev && l.source == own.source {
					unique = false
				}
			}
			r.Say("%s no other mount has its source: %v", label, unique)
			line := ""
			for _, name := range []string{"/proc/self/mounts", "/proc/mounts"} {
				b, _ := os.ReadFile(name)
				kind, source := "", ""
				for _, l := range strings.Split(string(b), "\n") {
					if f := strings.Fields(l); len(f) > 3 && f[1] == point {
						source, kind, line = f[0], f[2], l
					}
				}
				r.Say("%s %s: %s %v", label, strings.TrimPrefix(name, "/proc/"), kind, source == own.source)
			}
			b, err := os.ReadFile("/proc/thread-self/mounts")
			r.Say("%s /etc/mtab alike: %v", label, err == nil && strings.Contains(string(b), line+"\n") && strings.Contains(line, "ext4"))
		}),
	},
	{
		Name: "mount/nothing-else-changed", Calls: "openat read", Like: Bare, Real: true, Needs: Root,
		Run: func(r *Record) {
			lines, err := mountinfo("/proc/self/mountinfo")
			r.Say("%s", Errno(err))
			for _, l := range lines {
				if strings.HasPrefix(l.point, "/tmp/conformance-") {
					// Left by rows in old gVisor, where no namespace takes them along.
					continue
				}
				if strings.Contains(l.point, "/shimcgroup") {
					continue // the cgroups that the profile serves
				}
				if l.kind == "ext4" || l.kind == r.Path("liedtype") {
					l.kind, l.source = "?", "?"
				}
				r.Say("%s %s %s %s", l.dev, l.point, l.kind, l.source)
			}
		},
	},
	{
		Name: "mount/device", Calls: "newfstatat statx openat getdents64 readlinkat", Like: Stated, Needs: Root,
		Want: both(
			"stat of the source: ok 060000", "rdev is st_dev: true", "lstat the same: true", "listed in /dev: 1",
			"in /proc/partitions: true", "in /proc/diskstats: true",
			"in /sys/dev/block: ok", "listed there: true"),
		Run: twoMounts(func(r *Record, label, point string) {
			lines, _ := mountinfo("/proc/self/mountinfo")
			source := mounted(lines, point).source
			name := strings.TrimPrefix(source, "/dev/")
			var of, st unix.Stat_t
			_ = unix.Stat(point, &of)
			err := newfstatat(unix.AT_FDCWD, source, &st, 0)
			r.Say("%s stat of the source: %s %#o", label, Errno(err), st.Mode&unix.S_IFMT)
			r.Say("%s rdev is st_dev: %v", label, err == nil && st.Rdev == of.Dev)
			var l unix.Stat_t
			_ = stat2(unix.SYS_LSTAT, source, &l)
			r.Say("%s lstat the same: %v", label, err == nil && l.Rdev == st.Rdev && l.Mode == st.Mode)
			n := 0
			entries, _ := os.ReadDir("/dev")
			for _, e := range entries {
				if e.Name() == name {
					n++
				}
			}
			r.Say("%s listed in /dev: %d", label, n)
			for _, file := range []string{"/proc/partitions", "/proc/diskstats"} {
				b, _ := os.ReadFile(file)
				found := false
				for _, line := range strings.Split(string(b), "\n") {
					f := strings.Fields(line)
					if len(f) >= 4 && f[0]+":"+f[1] == devOf(&of) && (f[3] == name || f[2] == name) {
						found = true
					}
				}
				r.Say("%s in %s: %v", label, file, found)
			}
			err = newfstatat(unix.AT_FDCWD, "/sys/dev/block/"+devOf(&of), &st, 0)
			r.Say("%s in /sys/dev/block: %s", label, Errno(err))
			found := false
			entries, _ = os.ReadDir("/sys/dev/block")
			for _, e := range entries {
				found = found || e.Name() == devOf(&of)
			}
			r.Say("%s listed there: %v", label, found)
		}),
	},
	{
		Name: "mount/tools", Calls: "statfs statx", Like: Stated, Needs: Root,
		Want: []string{
			"stat: ext2/ext3", "sh: ext4", "findmnt: ext4",
		},
		Run: func(r *Record) {
			r.Command("/usr/bin/stat", "-f", "-c", "%T", r.Path("lied"))
			r.Command("/bin/sh", "-c", "df --output=fstype "+r.Path("lied")+" | tail -n 1")
			r.Command("/usr/bin/findmnt", "-n", "-o", "FSTYPE", "--mountpoint", r.Path("lied"))
		},
	},
	{
		Name: "mount/in-chroot", Calls: "chroot openat statfs", Like: Stated, Needs: Mounts | Own,
		Want: []string{"ext4 /dev/shim", "statfs 0xef53 ok"},
		Run: func(r *Record) {
			dir := newRoot(r)
			must("mkdir", os.Mkdir(dir+"/lied", 0o755))
			private()
			r.mount("/proc", dir+"/proc", "", unix.MS_BIND|unix.MS_REC, "")
			r.mount(r.Path("lied2"), dir+"/lied", "", unix.MS_BIND, "")
			must("chroot", unix.Chroot(dir))
			must("chdir", unix.Chdir("/"))
			lines, _ := mountinfo("/proc/self/mountinfo")
			m := mounted(lines, "/lied")
			r.Say("%s %s", m.kind, strings.TrimRight(m.source, "0123456789"))
			var st unix.Statfs_t
			err := statfs("/lied", &st)
			r.Say("statfs %#x %s", st.Type, Errno(err))
		},
	},
	{
		Name: "mount/remount", Calls: "mount umount2", Needs: Mounts | Own, Known: true,
		Run: func(r *Record) {
			dir := r.Tmp()
			private()
			must("mkdir", os.MkdirAll(dir+"/src", 0o755))
			must("mkdir", os.MkdirAll(dir+"/dst", 0o755))
			r.Say("not mounted %s", Errno(unix.Mount("none", dir+"/dst", "", unix.MS_REMOUNT|unix.MS_BIND, "")))
			r.Say("not there %s", Errno(unix.Mount("none", dir+"/none", "", unix.MS_REMOUNT|unix.MS_BIND, "")))
			r.Say("not mounted %s", Errno(unix.Mount("none", dir+"/dst", "", unix.MS_SHARED, "")))
			r.mount(dir+"/src", dir+"/dst", "", unix.MS_BIND, "")
			r.Say("remount %s", Errno(unix.Mount("none", dir+"/dst", "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NOEXEC, "")))
			r.Say("shared %s", Errno(unix.Mount("none", dir+"/dst", "", unix.MS_SHARED|unix.MS_REC, "")))
			b, _ := os.ReadFile("/proc/self/mountinfo")
			for _, line := range strings.Split(string(b), "\n") {
				if f := strings.Fields(line); len(f) > 6 && f[4] == dir+"/dst" {
					r.Say("noexec %v, shared %v", strings.Contains(f[5], "noexec"), strings.HasPrefix(f[6], "shared:"))
				}
			}
		},
	},
	{
		Name: "mount/bind-link", Calls: "mount", Needs: Mounts | Own, Known: true,
		Run: func(r *Record) {
			dir := r.Tmp()
			private()
			for _, name := range []string{"file", "a", "b", "c"} {
				must("write", os.WriteFile(dir+"/"+name, []byte(name), 0o644))
			}
			must("symlink", os.Symlink("file", dir+"/link"))
			must("symlink", os.Symlink("nothing", dir+"/dangling"))
			f, err := os.Open(dir + "/file")
			must("open", err)
			defer f.Close()
			for target, source := range map[string]string{
				"a": dir + "/link", "b": "/proc/self/fd/" + strconv.Itoa(int(f.Fd())), "c": dir + "/file",
			} {
				r.mount(source, dir+"/"+target, "", unix.MS_BIND, "")
			}
			for _, target := range []string{"a", "b", "c"} {
				b, err := os.ReadFile(dir + "/" + target)
				r.Say("%s: %q %s", target, b, Errno(err))
			}
			r.Say("dangling %s", Errno(unix.Mount(dir+"/dangling", dir+"/c", "", unix.MS_BIND, "")))
		},
	},
	{
		Name: "mount/bind-recursive", Calls: "mount", Needs: Mounts | Own, Known: true,
		Run: func(r *Record) {
			dir := r.Tmp()
			private()
			for _, name := range []string{"src/below/deep", "other", "third", "dst", "one"} {
				must("mkdir", os.MkdirAll(dir+"/"+name, 0o755))
			}
			for _, name := range []string{"src/file", "other/file", "third/file"} {
				must("write", os.WriteFile(dir+"/"+name, []byte(name), 0o644))
			}
			must("mkdir", os.Mkdir(dir+"/other/deep", 0o755))
			must("symlink", os.Symlink("src", dir+"/link"))
			r.mount(dir+"/other", dir+"/src/below", "", unix.MS_BIND, "")
			r.mount(dir+"/third", dir+"/src/below/deep", "", unix.MS_BIND, "")
			r.mount(dir+"/src", dir+"/dst", "", unix.MS_BIND|unix.MS_REC, "")
			r.mount(dir+"/link", dir+"/one", "", unix.MS_BIND|unix.MS_REC, "")
			for _, target := range []string{"dst", "one"} {
				for _, name := range []string{"file", "below/file", "below/deep/file"} {
					b, err := os.ReadFile(dir + "/" + target + "/" + name)
					r.Say("%s/%s: %q %s", target, name, b, Errno(err))
				}
			}
			r.Say("no source %s", Errno(unix.Mount(dir+"/none", dir+"/dst", "", unix.MS_BIND|unix.MS_REC, "")))
			r.Say("no target %s", Errno(unix.Mount(dir+"/src", dir+"/none", "", unix.MS_BIND|unix.MS_REC, "")))
		},
	},
	{
		Name: "mount/other-filesystems", Calls: "statfs", Like: Bare, Real: true,
		Run: func(r *Record) {
			for _, dir := range []string{"/proc", "/sys", "/dev", "/dev/pts", "/nonexistent", ""} {
				var st unix.Statfs_t
				err := statfs(dir, &st)
				r.Say("statfs(%s) = %s %#x %d", dir, Errno(err), st.Type, st.Bsize)
			}
		},
	},
}
