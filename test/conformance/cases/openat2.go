package cases

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

var resolveFlags = []struct {
	name string
	bits uint64
}{
	{"0", 0},
	{"NO_XDEV", unix.RESOLVE_NO_XDEV},
	{"NO_MAGICLINKS", unix.RESOLVE_NO_MAGICLINKS},
	{"NO_SYMLINKS", unix.RESOLVE_NO_SYMLINKS},
	{"BENEATH", unix.RESOLVE_BENEATH},
	{"IN_ROOT", unix.RESOLVE_IN_ROOT},
	{"BENEATH|IN_ROOT", unix.RESOLVE_BENEATH | unix.RESOLVE_IN_ROOT},
	{"BENEATH|NO_SYMLINKS|NO_XDEV", unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV},
	{"unknown", 1 << 40},
}

var openat2Cases = []Case{
	{
		Name: "openat2/resolve", Calls: "openat2",
		Run: func(r *Record) {
			dir := links(r)
			name := r.Path("const")
			cut := strings.LastIndex(name, "/")
			from := map[string]int{
				"cwd":    unix.AT_FDCWD,
				"root":   r.Fixture("/", unix.O_PATH),
				"proc":   r.Fixture("/proc", unix.O_PATH),
				"sys":    r.Fixture("/proc/sys", unix.O_PATH),
				"parent": r.Fixture(name[:cut], unix.O_PATH),
				"keys":   r.Fixture("keys", unix.O_PATH),
				"tmp":    r.Fixture(dir, unix.O_PATH),
			}
			for _, w := range []struct{ from, path, label string }{
				{"cwd", name, "absolute"},
				{"cwd", "/proc/self/root" + name, "through a magic link"},
				{"root", name[1:], "relative"},
				{"root", name, "absolute"},
				{"root", "../.." + name, "above"},
				{"proc", "sys/" + below(r), "relative"},
				{"proc", "/sys/" + below(r), "absolute below"},
				{"proc", "self/root" + name, "through a magic link"},
				{"sys", below(r), "relative"},
				{"sys", "/" + below(r), "absolute below"},
				{"sys", "../sys/" + below(r), "up and down"},
				{"parent", name[cut+1:], "name"},
				{"parent", "./" + name[cut+1:], "dot name"},
				{"keys", "maxkeys", "name"},
				{"keys", "../keys/maxkeys", "up and down"},
				{"keys", "/maxkeys", "absolute below"},
				{"keys", "/../../maxkeys", "above"},
				{"keys", "missing", "missing"},
				{"keys", "maxkeys/", "slash"},
				{"keys", ".", "dot"},
				{"keys", "..", "dots"},
				{"tmp", "absolute", "link"},
				{"tmp", "relative", "relative link"},
				{"tmp", "dir/maxkeys", "link to a directory"},
				{"tmp", "loop", "loop"},
				{"tmp", "self", "link through a magic link"},
			} {
				for _, f := range resolveFlags {
					fd, err := openat2(from[w.from], w.path, &unix.OpenHow{Flags: unix.O_RDONLY, Resolve: f.bits})
					r.Say("openat2(%s, %s, %s) = %s", w.from, w.label, f.name, r.opened(fd, err))
				}
			}
		},
		Takes: Openat2,
	},
	{
		Name: "openat2/cached", Calls: "openat2", Real: true,
		// RESOLVE_CACHED (0x20) may always be refused with EAGAIN.
		Run: func(r *Record) {
			fd, err := openat2(unix.AT_FDCWD, r.Path("const"), &unix.OpenHow{Resolve: 0x20})
			if err == nil {
				_ = unix.Close(fd)
			}
			r.Say("opened or EAGAIN: %v", err == nil || err == unix.EAGAIN)
		},
		Takes: Openat2,
	},
	{
		Name: "openat2/arguments", Calls: "openat2",
		Run: func(r *Record) {
			path := cstr(r.Path("const"))
			how := unix.OpenHow{Flags: unix.O_RDONLY}
			open := func(label string, h uintptr, size uintptr) {
				fd, err := call(unix.SYS_OPENAT2, fdarg(unix.AT_FDCWD), path, h, size)
				r.Say("%s = %s", label, r.opened(fd, err))
			}
			open("plain", pointer(&how), 24)
			open("size 0", pointer(&how), 0)
			open("size 23", pointer(&how), 23)
			bigger := make([]byte, 5000)
			open("bigger, zero", addr(bigger), 64)
			bigger[50] = 1
			open("bigger, not zero", addr(bigger), 64)
			open("too big", addr(bigger), 4097)
			open("NULL", 0, 24)
			open("bad pointer", 8, 24)
			for _, h := range []unix.OpenHow{
				{Flags: unix.O_RDONLY, Mode: 0o644},
				{Flags: 1 << 30},
				{Flags: 1 << 40},
				{Flags: unix.O_CREAT, Mode: 0o10000},
				{Flags: unix.O_PATH | unix.O_CREAT},
				{Flags: unix.O_PATH | unix.O_CLOEXEC},
				{Flags: unix.O_DIRECTORY},
				{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW},
				{Flags: unix.O_TMPFILE | unix.O_RDWR, Mode: 0o600},
			} {
				fd, err := openat2(unix.AT_FDCWD, r.Path("const"), &h)
				r.Say("flags %#x mode %#o = %s", h.Flags, h.Mode, r.opened(fd, err))
			}
		},
		Takes: Openat2,
	},
	{
		// What runc does before it trusts a /proc: it must still be procfs.
		Name: "openat2/procfs-is-procfs", Calls: "openat2 fstatfs statx",
		Run: func(r *Record) {
			proc := r.Fixture("/proc", unix.O_PATH|unix.O_DIRECTORY)
			var fs unix.Statfs_t
			_ = unix.Fstatfs(proc, &fs)
			r.Say("/proc: %#x", fs.Type)
			for _, p := range []string{"self/status", "thread-self/attr", "sys/" + below(r), "sys/kernel/osrelease", "self/fd", "1/comm"} {
				fd, err := openat2(proc, p, &unix.OpenHow{Flags: unix.O_PATH, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_XDEV | unix.RESOLVE_NO_MAGICLINKS})
				if err != nil {
					r.Say("%s: %s", p, Errno(err))
					continue
				}
				_ = unix.Fstatfs(r.Hold(fd), &fs)
				var x, of unix.Statx_t
				_ = statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &x)
				_ = statx(proc, "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &of)
				r.Say("%s: %#x, same mount %v", strings.Replace(p, below(r), "const", 1), fs.Type, x.Mnt_id == of.Mnt_id)
			}
		},
		Takes: Openat2,
	},
	{
		// A kernel without the call has it for no name, for programs ask once.
		Name: "openat2/all-or-none", Calls: "openat2", Like: Bare, Real: true,
		Run: func(r *Record) {
			for _, name := range []string{"/", "/proc", r.Path("int")} {
				fd, err := openat2(unix.AT_FDCWD, name, &unix.OpenHow{Flags: unix.O_PATH})
				r.Say("%s", r.opened(fd, err))
			}
		},
	},
	{
		Name: "openat2/real-files", Calls: "openat2", Like: Bare, Real: true,
		Run: func(r *Record) {
			dir := r.Tmp()
			_ = os.WriteFile(dir+"/f", []byte("x"), 0o644)
			_ = os.Symlink("f", dir+"/l")
			tmp := r.Fixture(dir, unix.O_PATH)
			for _, f := range resolveFlags {
				for _, p := range []string{"f", "l", "/f", "../" + dir[5:] + "/f", "/proc/self/exe"} {
					fd, err := openat2(tmp, p, &unix.OpenHow{Resolve: f.bits})
					if err == nil {
						_ = unix.Close(fd)
					}
					r.Say("%s %s = %s", strings.ReplaceAll(p, dir[5:], "tmp"), f.name, Errno(err))
				}
			}
		},
	},
}
