package cases

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// kinds are the names that the matrices go through: every kind of file, and
// the ways in which a path can end wrongly.
var kinds = []string{
	"range", "const", "string", "secret", "keys",
	"keys/", "keys/.", "keys/./maxkeys", "keys//maxkeys", "keys/../keys/maxkeys",
	"range/", "range/.", "range/..", "range/x", "const/",
	"keys/missing", "keys/missing/", "keys/missing/x", "keys/missing/..", "keys/maxkeys/../maxkeys",
}

// openFlags are the flags that open(2) knows, alone and with each access mode
// that changes what they mean.
var openFlags = []struct {
	name string
	bits int
}{
	{"RDONLY", unix.O_RDONLY},
	{"WRONLY", unix.O_WRONLY},
	{"RDWR", unix.O_RDWR},
	{"ACCMODE", unix.O_ACCMODE},
	{"RDONLY|CLOEXEC", unix.O_RDONLY | unix.O_CLOEXEC},
	{"RDONLY|NONBLOCK", unix.O_RDONLY | unix.O_NONBLOCK},
	{"WRONLY|APPEND", unix.O_WRONLY | unix.O_APPEND},
	{"RDONLY|TRUNC", unix.O_RDONLY | unix.O_TRUNC},
	{"WRONLY|TRUNC", unix.O_WRONLY | unix.O_TRUNC},
	{"WRONLY|CREAT|TRUNC", unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC},
	{"RDONLY|CREAT", unix.O_RDONLY | unix.O_CREAT},
	{"RDWR|CREAT|EXCL", unix.O_RDWR | unix.O_CREAT | unix.O_EXCL},
	{"RDONLY|DIRECTORY", unix.O_RDONLY | unix.O_DIRECTORY},
	{"RDWR|DIRECTORY", unix.O_RDWR | unix.O_DIRECTORY},
	{"RDONLY|CREAT|DIRECTORY", unix.O_RDONLY | unix.O_CREAT | unix.O_DIRECTORY},
	{"RDONLY|NOFOLLOW", unix.O_RDONLY | unix.O_NOFOLLOW},
	{"RDWR|TMPFILE", unix.O_RDWR | unix.O_TMPFILE},
	{"PATH", unix.O_PATH},
	{"PATH|DIRECTORY", unix.O_PATH | unix.O_DIRECTORY},
	{"PATH|NOFOLLOW|CLOEXEC", unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC},
	{"PATH|RDWR|CREAT|TRUNC", unix.O_PATH | unix.O_RDWR | unix.O_CREAT | unix.O_TRUNC},
	{"RDONLY|SYNC", unix.O_RDONLY | unix.O_SYNC},
	{"RDONLY|DIRECT", unix.O_RDONLY | unix.O_DIRECT},
	{"RDONLY|NOATIME", unix.O_RDONLY | unix.O_NOATIME},
	{"RDONLY|1<<30", unix.O_RDONLY | 1<<30},
}

// opened describes a descriptor that an open gave, and closes it.
func (r *Record) opened(fd int, err error) string {
	if err != nil {
		return Errno(err)
	}
	defer func() { _ = unix.Close(fd) }()
	status, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	// The kernel keeps O_NOFOLLOW though it means nothing any more. A
	// descriptor that was opened on behalf of another cannot have it.
	status &^= unix.O_NOFOLLOW
	descriptor, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fmt.Sprintf("fd whose fstat fails with %s", Errno(err))
	}
	text := fmt.Sprintf("fd status=%#x descriptor=%d mode=%#o", status, descriptor, st.Mode)
	buf := make([]byte, 100)
	n, err := unix.Read(fd, buf)
	if err != nil {
		return text + " read=" + Errno(err)
	}
	return text + fmt.Sprintf(" read=%q", buf[:n])
}

func openMatrix(r *Record) {
	for _, kind := range kinds {
		for _, f := range openFlags {
			fd, err := openat(unix.AT_FDCWD, r.Path(kind), f.bits, 0o644)
			r.Say("openat(%s, %s) = %s", kind, f.name, r.opened(fd, err))
		}
	}
}

var openCases = []Case{
	{
		// A FIFO that is reached through a directory which may be a served one.
		Name: "open/fifo-beyond", Calls: "openat",
		Run:   func(r *Record) { r.Program("fifo", r.Path("keys")) },
		Takes: FIFORestarts,
	},
	{
		Name: "open/flags", Calls: "openat", Needs: Root, Run: openMatrix,
	},
	{
		Name: "open/flags-as-nobody", Calls: "openat", Needs: Nobody, Run: openMatrix,
	},
	{
		Name: "open/old-call", Calls: "open creat",
		Run: func(r *Record) {
			for _, kind := range kinds {
				fd, err := call(unix.SYS_OPEN, cstr(r.Path(kind)), unix.O_RDONLY, 0)
				r.Say("open(%s) = %s", kind, r.opened(fd, err))
			}
			for _, kind := range []string{"const", "keys", "keys/missing", "range/", "range/x"} {
				fd, err := call(unix.SYS_CREAT, cstr(r.Path(kind)), 0o600)
				r.Say("creat(%s) = %s", kind, r.opened(fd, err))
			}
		},
	},
	{
		Name: "open/creat-writes", Calls: "creat", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd, err := call(unix.SYS_CREAT, cstr(r.Path("range")), 0o600)
			r.Say("creat(range): %s", Errno(err))
			n, err := unix.Write(fd, []byte("2\n"))
			r.Say("write = %d %s", n, Errno(err))
			r.Say("close: %s", Errno(unix.Close(fd)))
			r.Say("it says %s", r.Content(r.Path("range")))
		},
	},
	{
		Name: "open/lowest-descriptor", Calls: "openat",
		Run: func(r *Record) {
			low, _ := unix.Dup(0)
			high, _ := unix.Dup(0)
			r.Hold(high)
			_ = unix.Close(low)
			fd, err := openat(unix.AT_FDCWD, r.Path("range"), unix.O_RDONLY, 0)
			r.Say("%s, the lowest free number: %v", Errno(err), fd == low)
			fd2, err := openat(unix.AT_FDCWD, r.Path("range"), unix.O_RDONLY, 0)
			r.Say("%s, above the next: %v", Errno(err), fd2 > high)
			_, _ = unix.Close(fd), unix.Close(fd2)
		},
	},
	{
		Name: "open/table-full", Calls: "openat", Needs: Own,
		Run: func(r *Record) {
			_, err := openat(unix.AT_FDCWD, r.Path("range"), unix.O_RDONLY, 0)
			r.Say("first: %s", Errno(err))
			low, _ := unix.Dup(0)
			_ = unix.Close(low)
			limit := unix.Rlimit{Cur: uint64(low), Max: uint64(low)}
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				r.Say("setrlimit: %s", Errno(err))
			}
			_, err = openat(unix.AT_FDCWD, r.Path("range"), unix.O_RDONLY, 0)
			r.Say("with a full table: %s", Errno(err))
			_, err = openat(unix.AT_FDCWD, r.Path("keys"), unix.O_RDONLY, 0)
			r.Say("directory with a full table: %s", Errno(err))
		},
	},
	{
		Name: "open/dirfd", Calls: "openat newfstatat faccessat",
		Run: func(r *Record) {
			file := r.Fixture("range", unix.O_RDONLY)
			keys := r.Fixture("keys", unix.O_RDONLY|unix.O_DIRECTORY)
			path := r.Fixture("keys", unix.O_PATH)
			pipe := make([]int, 2)
			_ = unix.Pipe(pipe)
			r.Hold(pipe[0])
			r.Hold(pipe[1])
			for _, d := range []struct {
				name string
				fd   int
			}{{"keys", keys}, {"O_PATH keys", path}, {"file", file}, {"pipe", pipe[0]}, {"-1", -1}, {"999", 999}, {"-101", -101}} {
				for _, p := range []string{"maxkeys", "./maxkeys", "../keys/maxkeys", "", ".", "..", "missing", "maxkeys/", "maxkeys/x"} {
					fd, err := openat(d.fd, p, unix.O_RDONLY, 0)
					r.Say("openat(%s, %q) = %s", d.name, p, r.opened(fd, err))
					var st unix.Stat_t
					err = newfstatat(d.fd, p, &st, 0)
					r.Say("newfstatat(%s, %q) = %s %#o", d.name, p, Errno(err), st.Mode)
					_, err = call(unix.SYS_FACCESSAT, fdarg(d.fd), cstr(p), unix.R_OK)
					r.Say("faccessat(%s, %q) = %s", d.name, p, Errno(err))
				}
				fd, err := openat(d.fd, r.Path("range"), unix.O_RDONLY, 0)
				r.Say("openat(%s, absolute) = %s", d.name, r.opened(fd, err))
			}
		},
	},
}
