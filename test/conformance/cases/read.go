package cases

import (
	"golang.org/x/sys/unix"
)

var readCases = []Case{
	{
		Name: "read/whole", Calls: "openat read",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "int", "long", "vector", "string", "const", "secret", "keys/maxkeys", "keys/gc_delay"} {
				r.Say("%s: %s", kind, r.Content(r.Path(kind)))
			}
		},
	},
	{
		Name: "read/offsets", Calls: "pread64 lseek read",
		Run: func(r *Record) {
			fd := r.Fixture("string", unix.O_RDONLY)
			buf := make([]byte, 100)
			for _, at := range []int64{0, 1, 3, 5, 100, -1} {
				n, err := unix.Pread(fd, buf, at)
				r.Say("pread of the string at %d = %q %s", at, buf[:max(n, 0)], Errno(err))
			}
			for _, size := range []int{1, 1, 2, 100, 100} {
				n, err := unix.Read(fd, buf[:size])
				r.Say("read of %d = %q %s", size, buf[:max(n, 0)], Errno(err))
			}
			n, err := unix.Read(fd, buf[:0])
			r.Say("read of nothing = %d %s", n, Errno(err))
			at, err := unix.Seek(fd, 1, unix.SEEK_SET)
			r.Say("lseek to 1 = %d %s", at, Errno(err))
			n, err = unix.Read(fd, buf)
			r.Say("then read = %q %s", buf[:max(n, 0)], Errno(err))
		},
	},
	{
		// The kernel ends a number's file after the first read, however short
		// it was. What the shim hands out is a file in memory, which goes on.
		Name: "read/number-in-parts", Calls: "pread64 read", Like: Stated,
		Want: []string{`pread at 1 = "5536\n" ok`, `read of 2 = "65" ok`, `read on = "536\n" ok`},
		Run: func(r *Record) {
			buf := make([]byte, 100)
			fd := r.Fixture("const", unix.O_RDONLY)
			n, err := unix.Pread(fd, buf, 1)
			r.Say("pread at 1 = %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Read(fd, buf[:2])
			r.Say("read of 2 = %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Read(fd, buf)
			r.Say("read on = %q %s", buf[:max(n, 0)], Errno(err))
		},
	},
	{
		Name: "read/seek", Calls: "lseek",
		Run: func(r *Record) {
			fd := r.Fixture("const", unix.O_RDONLY)
			for _, s := range []struct {
				whence int
				at     int64
			}{{0, 3}, {1, 2}, {1, -1}, {0, -1}, {1, -100}, {0, 1 << 40}, {0, 0}, {9, 0}} {
				at, err := unix.Seek(fd, s.at, s.whence)
				r.Say("lseek(%d, whence %d) = %d %s", s.at, s.whence, at, Errno(err))
			}
		},
	},
	{
		// The size of a procfs file is 0, that of a file in memory is not.
		Name: "read/seek-from-end", Calls: "lseek", Like: Stated,
		Want: []string{"lseek(0, whence 2) = 6 ok"},
		Run: func(r *Record) {
			fd := r.Fixture("const", unix.O_RDONLY)
			at, err := unix.Seek(fd, 0, unix.SEEK_END)
			r.Say("lseek(0, whence %d) = %d %s", unix.SEEK_END, at, Errno(err))
		},
	},
	{
		Name: "read/vectors", Calls: "readv preadv sendfile",
		Run: func(r *Record) {
			fd := r.Fixture("string", unix.O_RDONLY)
			a, b := make([]byte, 2), make([]byte, 50)
			n, err := unix.Readv(fd, [][]byte{a, b})
			r.Say("readv = %d %q %q %s", n, a, b[:max(n-2, 0)], Errno(err))
			n, err = unix.Preadv(fd, [][]byte{a, b}, 0)
			r.Say("preadv = %d %q %q %s", n, a, b[:max(n-2, 0)], Errno(err))
		},
	},
	{
		Name: "read/again", Calls: "lseek read pread64",
		// A descriptor that stays open shows what was written since.
		Needs: Root,
		Run: func(r *Record) {
			r.Restore("range")
			fd := r.Fixture("range", unix.O_RDONLY)
			buf := make([]byte, 10)
			for _, value := range []string{"0", "1", "2"} {
				w := r.Fixture("range", unix.O_WRONLY)
				_, err := unix.Write(w, []byte(value))
				r.Say("write %s: %s", value, Errno(err))
				n, err := unix.Pread(fd, buf, 0)
				r.Say("the open descriptor says %q %s", buf[:max(n, 0)], Errno(err))
			}
		},
	},
	{
		// procfs cannot be mapped, a file in memory can: harmless.
		Name: "read/mapped", Calls: "mmap", Like: Stated, Want: []string{"mmap: ok"},
		Run: func(r *Record) {
			_, err := unix.Mmap(r.Fixture("const", unix.O_RDONLY), 0, 4096, unix.PROT_READ, unix.MAP_PRIVATE)
			r.Say("mmap: %s", Errno(err))
		},
	},
	{
		Name: "read/tools", Calls: "openat read newfstatat statx",
		Run: func(r *Record) {
			r.Command("/bin/cat", r.Path("const"), r.Path("range"), r.Path("keys/missing"), r.Path("keys"))
			r.Command("/bin/bash", "-c", "read x < "+r.Path("const")+"; echo got $x")
			r.Command("/usr/bin/head", "-c", "3", r.Path("string"))
			r.Command("/bin/grep", "-c", "6", r.Path("const"))
			r.Command("/usr/bin/wc", "-c", r.Path("const"))
			r.Command("/usr/bin/test", "-w", r.Path("const"))
			r.Command("/usr/bin/test", "-f", r.Path("const"))
			r.Command("/usr/bin/test", "-d", r.Path("keys"))
			r.Command("/usr/bin/find", r.Path("keys"), "-name", "max*", "-type", "f")
		},
	},
}
