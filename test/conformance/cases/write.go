package cases

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// values are what is written, per kind of sysctl.
var values = []struct {
	kind string
	data []string
}{
	{"range", []string{"1", "2\n", "0\n", " 1 ", "\t2\n", "1\n\n", "3", "-1", "100", "", "\n", " ", "x", "1x", "x1", "1 2", "1\n2", "0x1", "01", "08", "+1", "--1", "1.0", "1e0", "1\x00", "\x001", "99999999999", "99999999999999999999999", "2 x", "2,1"}},
	{"int", []string{"10\n", "-1", "2147483647", "2147483648", "-2147483648", "-2147483649", "4294967296", "", "zz", "0"}},
	{"long", []string{"8192\n", "0", "-1", "18446744073709551615", "18446744073709551616", "abc", "1 2", "", "4096"}},
	{"vector", []string{"1 2 3 4\n", "7", "7 6", "5\t4\t3\t2", "1 2 3 4 5", "1,2,3,4", "1 x 3 4", "x", "", "4 4 1 7"}},
	{"string", []string{"core\n", "core.%p", "a b c\n", "line\nother\n", "", "\n", "nul\x00after", "core\n"}},
	{"const", []string{"1"}},
	{"secret", []string{"1", "3", "0"}},
}

const guessed = "a descriptor has a low number for a moment before it has a high one: who guesses that is told that he has written"

var writeCases = []Case{
	{
		Name: "write/values", Calls: "write openat", Needs: Root,
		Run: func(r *Record) {
			for _, v := range values {
				if v.kind != "const" {
					r.Restore(v.kind)
				}
				for _, data := range v.data {
					fd, err := unix.Open(r.Path(v.kind), unix.O_WRONLY, 0)
					if err != nil {
						r.Say("open %s to write: %s", v.kind, Errno(err))
						continue
					}
					n, err := unix.Write(fd, []byte(data))
					r.Say("write(%s, %.40q) = %d %s", v.kind, data, n, Errno(err))
					r.Say("close = %s, now %s", Errno(unix.Close(fd)), r.Content(r.Path(v.kind)))
				}
			}
		},
	},
	{
		Name: "write/string-length", Calls: "write", Needs: Root, Known: true,
		Run: func(r *Record) {
			r.Restore("string")
			for _, size := range []int{126, 127, 128, 300} {
				fd := r.Fixture("string", unix.O_WRONLY)
				n, err := unix.Write(fd, []byte(strings.Repeat("a", size)))
				r.Say("write of %d = %d %s, now %s", size, n, Errno(err), r.Content(r.Path("string")))
			}
		},
	},
	{
		Name: "write/page-and-more", Calls: "write", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			for _, size := range []int{4095, 4096, 4097, 70000} {
				fd := r.Fixture("range", unix.O_WRONLY)
				n, err := unix.Write(fd, []byte("1"+strings.Repeat(" ", size-1)))
				r.Say("write of 1 and blanks, %d bytes = %d %s, now %s", size, n, Errno(err), r.Content(r.Path("range")))
			}
		},
	},
	{
		Name: "write/offsets", Calls: "write pwrite64 lseek", Needs: Root,
		Run: func(r *Record) {
			for _, kind := range []string{"range", "string", "vector"} {
				r.Restore(kind)
				fd := r.Fixture(kind, unix.O_RDWR)
				for _, data := range []string{"1\n", "2\n", "x\n"} {
					n, err := unix.Write(fd, []byte(data))
					r.Say("%s: write(%q) on = %d %s, now %s", kind, data, n, Errno(err), r.Content(r.Path(kind)))
				}
				for _, at := range []int64{0, 1, 2, 500} {
					n, err := unix.Pwrite(fd, []byte("2"), at)
					r.Say("%s: pwrite(2, at %d) = %d %s, now %s", kind, at, n, Errno(err), r.Content(r.Path(kind)))
				}
				_, err := unix.Seek(fd, 0, unix.SEEK_SET)
				r.Say("%s: lseek: %s", kind, Errno(err))
				n, err := unix.Write(fd, []byte("1"))
				r.Say("%s: write(1) = %d %s, now %s", kind, n, Errno(err), r.Content(r.Path(kind)))
				buf := make([]byte, 20)
				n, err = unix.Pread(fd, buf, 0)
				r.Say("%s: the same descriptor reads %q %s", kind, buf[:max(n, 0)], Errno(err))
			}
		},
	},
	{
		Name: "write/append", Calls: "write openat", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_WRONLY|unix.O_APPEND)
			for _, data := range []string{"1", "2", "9"} {
				n, err := unix.Write(fd, []byte(data))
				r.Say("write(%q) = %d %s, now %s", data, n, Errno(err), r.Content(r.Path("range")))
			}
		},
	},
	{
		Name: "write/vectors", Calls: "writev pwritev", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_WRONLY)
			n, err := unix.Writev(fd, [][]byte{[]byte("1"), []byte("\n")})
			r.Say("writev = %d %s, now %s", n, Errno(err), r.Content(r.Path("range")))
			n, err = unix.Pwritev(fd, [][]byte{[]byte("2\n")}, 0)
			r.Say("pwritev = %d %s, now %s", n, Errno(err), r.Content(r.Path("range")))
			n, err = unix.Pwritev(fd, [][]byte{[]byte("77")}, 0)
			r.Say("pwritev of 77 = %d %s, now %s", n, Errno(err), r.Content(r.Path("range")))
		},
	},
	{
		Name: "write/through-dup2", Calls: "dup2 dup3 write close", Needs: Root | Own,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_WRONLY)
			_, err := call(unix.SYS_DUP2, fdarg(fd), 77)
			r.Say("dup2: %s", Errno(err))
			_, err = call(unix.SYS_DUP3, fdarg(fd), 78, unix.O_CLOEXEC)
			r.Say("dup3: %s", Errno(err))
			_ = unix.Close(fd)
			n, err := unix.Write(77, []byte("9"))
			r.Say("write of 9 through dup2 = %d %s", n, Errno(err))
			n, err = unix.Write(78, []byte("2"))
			r.Say("write of 2 through dup3 = %d %s", n, Errno(err))
			_, err = unix.Seek(77, 0, unix.SEEK_SET)
			r.Say("lseek: %s", Errno(err))
			n, err = unix.Write(77, []byte("9"))
			r.Say("write of 9 at 0 = %d %s", n, Errno(err))
			_ = unix.Close(78)
			r.Say("now %s", r.Content(r.Path("range")))
		},
	},
	{
		Name: "write/through-fcntl", Calls: "fcntl write", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd, err := unix.FcntlInt(uintptr(r.Fixture("range", unix.O_WRONLY)), unix.F_DUPFD, 50)
			r.Hold(fd)
			r.Say("F_DUPFD: %s", Errno(err))
			n, err := unix.Write(fd, []byte("9"))
			r.Say("write of 9 = %d %s", n, Errno(err))
			n, err = unix.Pwrite(fd, []byte("1"), 0)
			r.Say("write of 1 = %d %s, now %s", n, Errno(err), r.Content(r.Path("range")))
		},
	},
	{
		Name: "write/shell", Calls: "dup2 write clone execve", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			r.Restore("string")
			// Values that differ at every step, so that none is there by chance.
			script := strings.NewReplacer("RANGE", r.Path("range"), "STRING", r.Path("string"), "CONST", r.Path("const")).Replace(`
				echo 1 > RANGE; echo "status $?"; cat RANGE
				echo 9 > RANGE; echo "status $?"; cat RANGE
				echo 2 | tee RANGE; echo "status $?"; cat RANGE
				(echo 0 > RANGE); cat RANGE
				printf core.%%e > STRING; cat STRING
				echo 1 > CONST; echo "status $?"
				exec 5> RANGE; echo 2 >&5; echo 9 >&5; cat RANGE; exec 5>&-
				exec 6<> RANGE; echo 1 >&6; cat RANGE; cat <&6
				/bin/echo 0 > RANGE; cat RANGE
				/bin/echo 7 > RANGE; echo "status $?"; cat RANGE`)
			r.Command("/bin/bash", "-c", script)
		},
	},
	{
		Name: "write/by-forked-child", Calls: "clone write execve", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			for _, value := range []string{"2", "9", "1"} {
				f := os.NewFile(uintptr(r.Fixture("range", unix.O_WRONLY)), "range")
				var out strings.Builder
				cmd := exec.Command("/bin/echo", value)
				cmd.Stdout, cmd.Stderr = f, &out
				err := cmd.Run()
				r.Say("child writes %s: %v %s", value, err, out.String())
				_ = f.Close()
				r.fds = r.fds[:len(r.fds)-1]
				r.Say("now %s", r.Content(r.Path("range")))
			}
		},
	},
	{
		// However many threads write what the node refuses, by whatever descriptor.
		Name: "write/refused-by-threads", Calls: "write openat dup2 close unshare clone execve", Needs: Root,
		Run: func(r *Record) { r.Program("junk", r.Path("range")) },
	},
	{
		// The same by descriptors that are only written to, some more than there are high numbers.
		Name: "write/refused-to-writers", Calls: "write openat dup2 close unshare clone execve", Needs: Root,
		Run: func(r *Record) {
			r.Program("junk", r.Path("range"), "write-only", "threads", "many-numbers", "few-numbers", "moved", "own-tables", "leader-ended", "execve")
		},
	},
	{
		Name: "write/refused-by-guess", Calls: "write openat clone", Needs: Root,
		Run: func(r *Record) { r.Program("junk", r.Path("range"), "write-only", "guesses", "children") },
		Not: map[string]string{
			"native/ptrace": guessed,
			"gvisor":        guessed,
		},
	},
	{
		Name: "write/sent", Calls: "write openat sendmsg recvmsg", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			for _, value := range []string{"2", "0", "1"} {
				r.Program("sent", r.Path("range"), value)
				r.Say("now %s", r.Content(r.Path("range")))
			}
		},
	},
	{
		// Other threads pay nothing while one has a file open to write to it.
		Name: "write/others-go-on", Calls: "openat write getppid", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			before := least()
			fd := r.Fixture("range", unix.O_WRONLY)
			_, err := unix.Write(fd, []byte("1"))
			r.Say("write: %s", Errno(err))
			during := least()
			r.Say("other calls take twice as long: %v", during > 2*before)
		},
	},
	{
		Name: "write/by-one-thread-of-many", Calls: "write writev pwrite64 lseek dup fcntl ftruncate fallocate", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_WRONLY)
			for _, step := range []struct {
				whence int
				at     int64
			}{{unix.SEEK_SET, 0}, {unix.SEEK_SET, 3}, {unix.SEEK_CUR, -1}, {unix.SEEK_CUR, -9}, {unix.SEEK_END, 0}, {unix.SEEK_SET, 0}} {
				at, err := unix.Seek(fd, step.at, step.whence)
				r.Say("lseek(%d, %d) = %d %s", step.at, step.whence, at, Errno(err))
			}
			for _, data := range []string{"1", "9", "2"} {
				_, _ = unix.Seek(fd, 0, unix.SEEK_SET)
				n, err := unix.Write(fd, []byte(data))
				r.Say("write(%q) = %d %s, now %s", data, n, Errno(err), r.Content(r.Path("range")))
				at, err := unix.Seek(fd, 0, unix.SEEK_CUR)
				r.Say("it is at %d %s", at, Errno(err))
			}
			_, err := call(unix.SYS_FTRUNCATE, fdarg(fd), 0)
			r.Say("ftruncate = %s, now %s", Errno(err), r.Content(r.Path("range")))
			for _, copy := range []func() (int, error){
				func() (int, error) { return unix.Dup(fd) },
				func() (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 20) },
				func() (int, error) { return unix.FcntlInt(uintptr(fd), unix.F_DUPFD, 1000) },
			} {
				other, err := copy()
				r.Hold(other)
				r.Say("a copy: %s", Errno(err))
				for _, data := range []string{"9", "0"} {
					_, err := unix.Seek(other, 0, unix.SEEK_SET)
					r.Say("lseek = %s", Errno(err))
					n, err := unix.Write(other, []byte(data))
					r.Say("write(%q) = %d %s, now %s", data, n, Errno(err), r.Content(r.Path("range")))
				}
				_, _ = unix.Seek(other, 0, unix.SEEK_SET)
				n, err := unix.Write(fd, []byte("7"))
				r.Say("write of 7 to the first = %d %s", n, Errno(err))
			}
			flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
			r.Say("F_GETFD = %d %s", flags, Errno(err))
		},
	},
	{
		Name: "write/refused-in-a-shared-table", Calls: "write openat clone", Needs: Root,
		Run:   func(r *Record) { r.Program("junk", r.Path("range"), "shared-table") },
		Takes: Kcmp,
		Not:   map[string]string{"native/seccomp": "a follower does not find who shares a table"},
	},
	{
		Name: "write/seen-by-others", Calls: "openat read write", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			for _, value := range []string{"0", "1", "2"} {
				_, err := unix.Write(r.Fixture("range", unix.O_WRONLY), []byte(value))
				r.Say("write %s: %s", value, Errno(err))
				r.Command("/bin/cat", r.Path("range"))
			}
		},
	},
	{
		// A descriptor is known however much has been opened since.
		Name: "write/held-for-long", Calls: "openat write lseek close", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_RDWR)
			for range 4200 {
				if other, err := unix.Open("/proc/self/mountinfo", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
					unix.Close(other)
				}
			}
			for _, data := range []string{"9", "1", "junk"} {
				_, _ = unix.Seek(fd, 0, unix.SEEK_SET)
				n, err := unix.Write(fd, []byte(data))
				r.Say("write(%q) = %d %s, now %s", data, n, Errno(err), r.Content(r.Path("range")))
			}
		},
		Not: map[string]string{"gvisor": "so many opens take long there"},
	},
	{
		Name: "write/two-writers", Calls: "write openat", Needs: Root,
		Run: func(r *Record) {
			r.Restore("int")
			var group sync.WaitGroup
			for w := range 2 {
				group.Add(1)
				go func() {
					defer group.Done()
					_ = exec.Command("/bin/bash", "-c", fmt.Sprintf("for i in 1 2 3 4 5 6 7 8 9; do echo ${i}%d > %s || echo failed; done", w, r.Path("int"))).Run()
				}()
			}
			group.Wait()
			got := r.Content(r.Path("int"))
			r.Say("one of the last two: %v", got == `"90\n"` || got == `"91\n"`)
		},
	},
	{
		Name: "write/as-nobody", Calls: "openat write", Needs: Nobody,
		Run: func(r *Record) {
			for _, kind := range []string{"range", "string", "const", "secret", "keys/maxkeys"} {
				fd, err := openat(unix.AT_FDCWD, r.Path(kind), unix.O_WRONLY, 0)
				r.Say("openat(%s, WRONLY) = %s", kind, r.opened(fd, err))
			}
		},
	},
	{
		// A sysctl asks again at each write who it is that writes
		// (proc_sys_call_handler in the kernel).
		Name: "write/after-setuid", Calls: "write setresuid", Needs: Root | Own,
		Run: func(r *Record) {
			fd := r.Fixture("range", unix.O_RDWR)
			before := r.Content(r.Path("range"))
			_, err := call(unix.SYS_SETRESUID, 65534, 65534, 65534)
			r.Say("setresuid: %s", Errno(err))
			n, err := unix.Write(fd, []byte("9"))
			r.Say("write of 9 = %d %s", n, Errno(err))
			n, err = unix.Pwrite(fd, []byte(strings.Trim(before, "\"\\n")), 0)
			r.Say("write of the old value = %d %s", n, Errno(err))
		},
	},
	{
		Name: "write/bad-descriptor", Calls: "write",
		Run: func(r *Record) {
			n, err := unix.Write(r.Fixture("range", unix.O_RDONLY), []byte("1"))
			r.Say("write to a read-only descriptor = %d %s", n, Errno(err))
			n, err = unix.Write(r.Fixture("range", unix.O_PATH), []byte("1"))
			r.Say("write to an O_PATH descriptor = %d %s", n, Errno(err))
		},
	},
	{
		Name: "write/bad-pointer", Calls: "write", Needs: Root,
		Takes: ProcessVM,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_WRONLY)
			n, err := call(unix.SYS_WRITE, fdarg(fd), 8, 2)
			r.Say("write from a bad pointer = %d %s", n, Errno(err))
			end, page := guarded()
			page[len(page)-1] = '1'
			n, err = call(unix.SYS_WRITE, fdarg(fd), end-1, 1)
			r.Say("write of the page's last byte = %d %s, now %s", n, Errno(err), r.Content(r.Path("range")))
			n, err = call(unix.SYS_PWRITE64, fdarg(fd), end-1, 100, 0)
			r.Say("write past the page = %d %s", n, Errno(err))
		},
	},
	{
		Name: "write/write-only", Calls: "read openat", Needs: Root,
		Run: func(r *Record) {
			_, err := unix.Read(r.Fixture("range", unix.O_WRONLY), make([]byte, 10))
			r.Say("read of a write-only descriptor: %s", Errno(err))
		},
	},
	{
		Name: "write/sysctl-tool", Calls: "openat write", Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			name := strings.ReplaceAll(strings.TrimPrefix(r.Path("range"), "/proc/sys/"), "/", ".")
			for _, value := range []string{"1", "9", "2", "x"} {
				cmd := exec.Command("/sbin/sysctl", "-w", name+"="+value)
				out, err := cmd.CombinedOutput()
				r.Say("%v %s", err, strings.ReplaceAll(string(out), name, "{range}"))
				r.Say("now %s", r.Content(r.Path("range")))
			}
		},
	},
	{
		Name: "write/truncate", Calls: "truncate ftruncate", Needs: Root,
		Run: func(r *Record) {
			fd := r.Fixture("range", unix.O_RDWR)
			for _, size := range []int{0, 1, 100} {
				_, err := call(unix.SYS_TRUNCATE, cstr(r.Path("range")), uintptr(size))
				r.Say("truncate(range, %d) = %s, now %s", size, Errno(err), r.Content(r.Path("range")))
				_, err = call(unix.SYS_FTRUNCATE, fdarg(fd), uintptr(size))
				r.Say("ftruncate(range, %d) = %s, now %s", size, Errno(err), r.Content(r.Path("range")))
			}
			for _, kind := range kinds {
				_, err := call(unix.SYS_TRUNCATE, cstr(r.Path(kind)), 0)
				r.Say("truncate(%s, 0) = %s", kind, Errno(err))
			}
			_, err := call(unix.SYS_TRUNCATE, cstr(r.Path("range")), ^uintptr(0))
			r.Say("truncate(range, -1) = %s", Errno(err))
			_, err = call(unix.SYS_FTRUNCATE, fdarg(r.Fixture("range", unix.O_RDONLY)), 0)
			r.Say("ftruncate(read-only) = %s", Errno(err))
		},
	},
	{
		Name: "write/truncate-as-nobody", Calls: "truncate", Needs: Nobody,
		Run: func(r *Record) {
			for _, kind := range []string{"range", "const", "secret", "keys", "keys/missing"} {
				_, err := call(unix.SYS_TRUNCATE, cstr(r.Path(kind)), 0)
				r.Say("truncate(%s, 0) = %s", kind, Errno(err))
			}
		},
	},
}

// least is the time of calls that nobody is concerned with, at the best of many tries: a
// busy machine makes most of them longer, and stops all.
func least() time.Duration {
	best := time.Hour
	for range 50 {
		start := time.Now()
		for range 100 {
			unix.Getppid()
		}
		best = min(best, time.Since(start))
	}
	return best
}
