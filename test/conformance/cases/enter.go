package cases

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// where says what getcwd and /proc/self/cwd say, and what the directory holds.
func (r *Record) where() {
	buf := make([]byte, 4096)
	n, err := call(unix.SYS_GETCWD, addr(buf), uintptr(len(buf)))
	if err != nil {
		r.Say("getcwd: %s", Errno(err))
	} else {
		r.Say("getcwd: %s", strings.TrimRight(string(buf[:n]), "\x00"))
	}
	link, err := os.Readlink("/proc/self/cwd")
	r.Say("/proc/self/cwd: %s %s", link, Errno(err))
	link, err = os.Readlink("/proc/thread-self/cwd")
	r.Say("/proc/thread-self/cwd: %s %s", link, Errno(err))
	for _, p := range []string{"maxkeys", "./maxkeys", "../keys/maxkeys", "missing", ".", ".."} {
		var st unix.Stat_t
		err := newfstatat(unix.AT_FDCWD, p, &st, 0)
		r.Say("stat %s: %s %#o", p, Errno(err), st.Mode)
		r.Say("open %s: %s", p, r.Content(p))
	}
}

var enterCases = []Case{
	{
		Name: "enter/chdir", Calls: "chdir getcwd",
		Run: func(r *Record) {
			for _, kind := range kinds {
				_, err := call(unix.SYS_CHDIR, cstr(r.Path(kind)))
				r.Say("chdir(%s) = %s", kind, Errno(err))
				_ = unix.Chdir("/")
			}
			_, _ = call(unix.SYS_CHDIR, cstr(r.Path("keys")))
			r.where()
			_, err := call(unix.SYS_CHDIR, cstr("../keys/./"))
			r.Say("chdir on: %s", Errno(err))
			r.where()
			_, err = call(unix.SYS_CHDIR, cstr(".."))
			r.Say("chdir up: %s", Errno(err))
			r.Say("then: %s", r.Content("keys/maxkeys"))
			_, err = call(unix.SYS_CHDIR, cstr("../.."))
			r.Say("chdir out: %s", Errno(err))
			dir, _ := os.Getwd()
			r.Say("is now %s", dir)
		},
	},
	{
		Name: "enter/fchdir", Calls: "fchdir getcwd",
		Run: func(r *Record) {
			for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
				_, err := call(unix.SYS_FCHDIR, fdarg(r.Fixture("keys", flags)))
				r.Say("fchdir(keys opened with %#x) = %s", flags, Errno(err))
				r.where()
				_ = unix.Chdir("/")
			}
			_, err := call(unix.SYS_FCHDIR, fdarg(r.Fixture("range", unix.O_RDONLY)))
			r.Say("fchdir(file) = %s", Errno(err))
			_, err = call(unix.SYS_FCHDIR, fdarg(999))
			r.Say("fchdir(999) = %s", Errno(err))
		},
	},
	{
		Name: "enter/getcwd-small", Calls: "getcwd chdir",
		Run: func(r *Record) {
			_ = unix.Chdir(r.Path("keys"))
			buf := make([]byte, 100)
			_, err := call(unix.SYS_GETCWD, addr(buf), 5)
			r.Say("with 5 bytes: %s", Errno(err))
			_, err = call(unix.SYS_GETCWD, 1, 100)
			r.Say("at a bad pointer: %s", Errno(err))
		},
	},
	{
		Name: "enter/child", Calls: "chdir getcwd clone execve",
		Run: func(r *Record) {
			_ = unix.Chdir(r.Path("keys"))
			r.Command("/bin/sh", "-c", "pwd; /bin/pwd; cat maxkeys; cd ..; cat keys/maxkeys; cd keys && pwd -P; cat ../keys/gc_delay")
		},
	},
	{
		Name: "enter/listing", Calls: "chdir getdents64",
		Run: func(r *Record) {
			_ = unix.Chdir(r.Path("keys"))
			entries, err := os.ReadDir(".")
			var names []string
			for _, e := range entries {
				names = append(names, fmt.Sprintf("%s %v", e.Name(), e.Type()))
			}
			r.Say("%s %s", strings.Join(names, ", "), Errno(err))
			r.Command("/bin/sh", "-c", "echo *; for f in *; do cat $f; done")
		},
	},
	{
		Name: "enter/root-of-fake", Calls: "chroot", Needs: Root | Own,
		Run: func(r *Record) {
			_, err := call(unix.SYS_CHROOT, cstr(r.Path("range")))
			r.Say("chroot(file) = %s", Errno(err))
			_, err = call(unix.SYS_CHROOT, cstr(r.Path("keys/missing")))
			r.Say("chroot(missing) = %s", Errno(err))
		},
	},
}
