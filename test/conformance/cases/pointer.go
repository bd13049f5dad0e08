package cases

import (
	"strings"

	"golang.org/x/sys/unix"
)

// pathCalls are the calls that take a path, each with its other arguments good.
var pathCalls = []struct {
	name string
	make func(path uintptr) error
}{
	{"open", func(p uintptr) error { return closed(call(unix.SYS_OPEN, p, 0, 0)) }},
	{"creat", func(p uintptr) error { return closed(call(unix.SYS_CREAT, p, 0)) }},
	{"openat", func(p uintptr) error { return closed(call(unix.SYS_OPENAT, fdarg(unix.AT_FDCWD), p, 0, 0)) }},
	{"stat", func(p uintptr) error { return second(call(unix.SYS_STAT, p, pointer(new(unix.Stat_t)))) }},
	{"lstat", func(p uintptr) error { return second(call(unix.SYS_LSTAT, p, pointer(new(unix.Stat_t)))) }},
	{"newfstatat", func(p uintptr) error {
		return second(call(unix.SYS_NEWFSTATAT, fdarg(unix.AT_FDCWD), p, pointer(new(unix.Stat_t)), 0))
	}},
	{"statx", func(p uintptr) error {
		return second(call(unix.SYS_STATX, fdarg(unix.AT_FDCWD), p, 0, unix.STATX_BASIC_STATS, pointer(new(unix.Statx_t))))
	}},
	{"statfs", func(p uintptr) error { return second(call(unix.SYS_STATFS, p, pointer(new(unix.Statfs_t)))) }},
	{"access", func(p uintptr) error { return second(call(unix.SYS_ACCESS, p, 0)) }},
	{"faccessat", func(p uintptr) error { return second(call(unix.SYS_FACCESSAT, fdarg(unix.AT_FDCWD), p, 0)) }},
	{"readlink", func(p uintptr) error { return second(call(unix.SYS_READLINK, p, addr(make([]byte, 10)), 10)) }},
	{"chdir", func(p uintptr) error { return second(call(unix.SYS_CHDIR, p)) }},
	{"truncate", func(p uintptr) error { return second(call(unix.SYS_TRUNCATE, p, 0)) }},
	{"getxattr", func(p uintptr) error { return second(call(unix.SYS_GETXATTR, p, cstr("user.x"), 0, 0)) }},
}

func second(_ int, err error) error { return err }

func closed(fd int, err error) error {
	if err == nil {
		_ = unix.Close(fd)
	}
	return err
}

var pointerCases = []Case{
	{
		Name: "pointer/missing-page", Calls: "openat write userfaultfd", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			r.Program("missing", r.Path("range"))
		},
		Takes: Userfaultfd,
	},
	{
		Name: "pointer/bad-path", Calls: "open creat openat stat lstat newfstatat statx statfs access faccessat readlink chdir truncate getxattr", Real: true,
		Run: func(r *Record) {
			end, page := guarded()
			copy(page[len(page)-5:], "/proc") // ends at the page, without a NUL
			for _, c := range pathCalls {
				for _, p := range []struct {
					name string
					at   uintptr
				}{{"NULL", 0}, {"8", 8}, {"kernel space", ^uintptr(0) - 4095}, {"unmapped", end}, {"runs off the page", end - 5}} {
					r.Say("%s at %s = %s", c.name, p.name, Errno(c.make(p.at)))
				}
			}
		},
	},
	{
		Name: "pointer/path-at-page-end", Calls: "open creat openat stat lstat newfstatat statx statfs access faccessat readlink chdir truncate",
		Run: func(r *Record) {
			end, page := guarded()
			path := r.Path("const") + "\x00"
			copy(page[len(page)-len(path):], path)
			for _, c := range pathCalls[:len(pathCalls)-1] {
				r.Say("%s = %s", c.name, Errno(c.make(end-uintptr(len(path)))))
			}
		},
	},
	{
		Name: "pointer/long-path", Calls: "open creat openat stat lstat newfstatat statx statfs access faccessat readlink chdir truncate",
		Run: func(r *Record) {
			name := r.Path("const")
			pad := func(length int) uintptr {
				return cstr(strings.Repeat("/", length-len(name)) + name)
			}
			for _, c := range pathCalls[:len(pathCalls)-1] {
				r.Say("%s: component of 255 = %s", c.name, Errno(c.make(cstr(r.Path("keys")+"/"+strings.Repeat("n", 255)))))
				r.Say("%s: component of 256 = %s", c.name, Errno(c.make(cstr(r.Path("keys")+"/"+strings.Repeat("n", 256)))))
				r.Say("%s: component of 256, then up = %s", c.name, Errno(c.make(cstr(r.Path("keys")+"/"+strings.Repeat("n", 256)+"/../maxkeys"))))
				r.Say("%s: path of 4095 = %s", c.name, Errno(c.make(pad(4095))))
				r.Say("%s: path of 4096 = %s", c.name, Errno(c.make(pad(4096))))
				r.Say("%s: path of 9000 = %s", c.name, Errno(c.make(pad(9000))))
				// readlink("") has a meaning of its own, and gVisor another.
				if c.name != "readlink" {
					r.Say("%s: empty = %s", c.name, Errno(c.make(cstr(""))))
				}
			}
		},
	},
	{
		Name: "pointer/bad-result", Calls: "stat lstat newfstatat statx statfs fstat fstatfs readlink getdents64 read",
		Run: func(r *Record) {
			end, _ := guarded()
			fd := fdarg(r.Fixture("range", unix.O_RDONLY))
			dir := fdarg(r.Fixture("keys", unix.O_RDONLY))
			at := fdarg(unix.AT_FDCWD)
			name := cstr(r.Path("range"))
			for _, p := range []struct {
				name string
				at   uintptr
			}{{"NULL", 0}, {"8", 8}, {"kernel space", ^uintptr(0) - 4095}, {"unmapped", end}, {"half mapped", end - 16}} {
				say := func(call string, err error) { r.Say("%s to %s = %s", call, p.name, Errno(err)) }
				say("stat", second(call(unix.SYS_STAT, name, p.at)))
				say("lstat", second(call(unix.SYS_LSTAT, name, p.at)))
				say("fstat", second(call(unix.SYS_FSTAT, fd, p.at)))
				say("newfstatat", second(call(unix.SYS_NEWFSTATAT, at, name, p.at, 0)))
				say("statx", second(call(unix.SYS_STATX, at, name, 0, unix.STATX_BASIC_STATS, p.at)))
				say("statfs", second(call(unix.SYS_STATFS, name, p.at)))
				say("fstatfs", second(call(unix.SYS_FSTATFS, fd, p.at)))
				say("readlink", second(call(unix.SYS_READLINK, cstr("/proc/self/fd/0"), p.at, 100)))
				if p.name != "half mapped" {
					say("read", second(call(unix.SYS_READ, fd, p.at, 100)))
					say("getdents64", second(call(unix.SYS_GETDENTS64, dir, p.at, 4096)))
				}
			}
		},
	},
	{
		// A path error comes before a bad buffer.
		Name: "pointer/order-of-errors", Calls: "stat newfstatat statx statfs openat faccessat",
		Run: func(r *Record) {
			for _, kind := range []string{"keys/missing", "range/x", "range/"} {
				name := cstr(r.Path(kind))
				r.Say("stat(%s) to a bad pointer = %s", kind, Errno(second(call(unix.SYS_STAT, name, 8))))
				r.Say("statfs(%s) to a bad pointer = %s", kind, Errno(second(call(unix.SYS_STATFS, name, 8))))
				r.Say("statx(%s) to a bad pointer = %s", kind, Errno(second(call(unix.SYS_STATX, fdarg(unix.AT_FDCWD), name, 0, unix.STATX_BASIC_STATS, 8))))
				r.Say("newfstatat(%s) with bad flags = %s", kind, Errno(second(call(unix.SYS_NEWFSTATAT, fdarg(unix.AT_FDCWD), name, 8, 1<<30))))
				r.Say("faccessat(%s) with a bad mode = %s", kind, Errno(second(call(unix.SYS_FACCESSAT, fdarg(unix.AT_FDCWD), name, 99))))
			}
		},
	},
}
