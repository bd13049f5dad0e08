package cases

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const kmsg = "/dev/kmsg"

// record matches a record of /dev/kmsg: priority, sequence, time and flags, text.
var record = regexp.MustCompile(`^(\d+),(\d+),(\d+),[-c](,[^;]*)?;[^\n]*\n`)

// mark is a text that nobody else writes. It begins with the tag of the run, by
// which the host's own log is searched for it.
func (r *Record) mark() string { return fmt.Sprintf("%s %d", r.Names["tag"], time.Now().UnixNano()) }

// find reads records until one holds text or there are no more.
func find(fd int, text string) string {
	buf := make([]byte, 8192)
	for range 100000 {
		n, err := unix.Read(fd, buf)
		if err == unix.EPIPE || err == unix.EINTR {
			continue
		}
		if err == unix.EAGAIN {
			// What was written may still be on its way.
			ready, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 1000)
			if ready > 0 {
				continue
			}
		}
		if err != nil {
			return Errno(err)
		}
		if n == 0 {
			return "end of file"
		}
		if bytes.Contains(buf[:n], []byte(text)) {
			return string(buf[:n])
		}
	}
	return "too many records"
}

var kmsgCases = []Case{
	{
		Name: "kmsg/open", Calls: "openat newfstatat faccessat lseek poll read", Needs: Root, Has: "native",
		Run: func(r *Record) {
			var st unix.Stat_t
			err := newfstatat(unix.AT_FDCWD, kmsg, &st, 0)
			r.Say("stat = %s %#o rdev %d:%d size %d uid %d", Errno(err), st.Mode, unix.Major(st.Rdev), unix.Minor(st.Rdev), st.Size, st.Uid)
			for _, f := range []int{unix.O_RDONLY, unix.O_WRONLY, unix.O_RDWR, unix.O_RDONLY | unix.O_NONBLOCK, unix.O_WRONLY | unix.O_APPEND, unix.O_RDONLY | unix.O_TRUNC, unix.O_RDONLY | unix.O_DIRECTORY} {
				fd, err := openat(unix.AT_FDCWD, kmsg, f|unix.O_NONBLOCK, 0)
				r.Say("openat(%#x) = %s", f, Errno(err))
				if err == nil {
					_ = unix.Close(fd)
				}
			}
			fd := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			_ = unix.Fstat(fd, &st)
			r.Say("fstat = %#o rdev %d:%d", st.Mode, unix.Major(st.Rdev), unix.Minor(st.Rdev))
			link, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
			r.Say("readlink = %s %s", link, Errno(err))
			for _, s := range []struct {
				at     int64
				whence int
			}{{0, unix.SEEK_END}, {0, unix.SEEK_DATA}, {0, unix.SEEK_SET}} {
				at, err := unix.Seek(fd, s.at, s.whence)
				r.Say("lseek(%d, %d) = %d %s", s.at, s.whence, at, Errno(err))
			}
		},
	},
	{
		Name: "kmsg/bad-seek", Calls: "lseek", Needs: Root, Has: "native",
		Run: func(r *Record) {
			fd := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			for _, s := range []struct {
				at     int64
				whence int
			}{{5, unix.SEEK_SET}, {1, unix.SEEK_END}, {-1, unix.SEEK_SET}} {
				_, err := unix.Seek(fd, s.at, s.whence)
				r.Say("lseek(%d, %d) = %s", s.at, s.whence, Errno(err))
			}
		},
	},
	{
		Name: "kmsg/never-ends", Calls: "read poll lseek", Needs: Root, Has: "native",
		Run: func(r *Record) {
			fd := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
			_, _ = unix.Seek(fd, 0, unix.SEEK_END)
			buf := make([]byte, 8192)
			_, err := unix.Read(fd, buf)
			r.Say("read at the end = %s", Errno(err))
			n, err := unix.Poll(fds, 0)
			r.Say("poll at the end = %d %s", n, Errno(err))
			waiting := r.Fixture(kmsg, unix.O_RDONLY)
			_, _ = unix.Seek(waiting, 0, unix.SEEK_END)
			got := make(chan string, 1)
			text := r.mark()
			go func() { got <- find(waiting, text) }()
			select {
			case early := <-got:
				r.Say("a waiting reader came back: %s", early)
			case <-time.After(200 * time.Millisecond):
			}
			w := r.Fixture(kmsg, unix.O_WRONLY)
			// Without a newline the kernel would wait for more of the line.
			size, err := unix.Write(w, []byte(text+"\n"))
			r.Say("write = %v %s", size == len(text)+1, Errno(err))
			select {
			case line := <-got:
				r.Say("the waiting reader gets it: %v", strings.HasSuffix(line, ";"+text+"\n"))
			case <-time.After(3 * time.Second):
				r.Say("the waiting reader still waits")
			}
			n, err = unix.Poll(fds, 1000)
			r.Say("poll now = %d %s POLLIN %v", n, Errno(err), fds[0].Revents&unix.POLLIN != 0)
		},
	},
	{
		Name: "kmsg/records", Calls: "read write openat", Needs: Root, Has: "native",
		Takes: PacketPipes,
		Run: func(r *Record) {
			text := r.mark()
			w := r.Fixture(kmsg, unix.O_WRONLY)
			for _, prefix := range []string{"", "<4>", "<14>", "<190>"} {
				fd := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
				_, _ = unix.Seek(fd, 0, unix.SEEK_END)
				_, err := unix.Write(w, []byte(prefix+text+"\n"))
				r.Say("write %q: %s", prefix, Errno(err))
				line := find(fd, text)
				r.Say("a record: %v", record.MatchString(line))
				priority, _, _ := strings.Cut(line, ",")
				r.Say("priority %s, text as written: %v", priority, strings.HasSuffix(line, ";"+text+"\n"))
			}
			first := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			buf := make([]byte, 8192)
			n, err := unix.Read(first, buf)
			r.Say("the first read is one record: %v %s", record.Match(buf[:max(n, 0)]), Errno(err))
			r.Say("a new reader finds what was written before: %v", record.MatchString(find(first, text)))
			_, _ = unix.Seek(first, 0, unix.SEEK_SET)
			r.Say("and again from the start: %v", record.MatchString(find(first, text)))
		},
	},
	{
		Name: "kmsg/two-readers", Calls: "read", Needs: Root, Has: "native",
		Run: func(r *Record) {
			a := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			b := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			text := r.mark()
			_, err := unix.Write(r.Fixture(kmsg, unix.O_WRONLY), []byte(text+"\n"))
			r.Say("write: %s", Errno(err))
			r.Say("one: %v, the other: %v", record.MatchString(find(a, text)), record.MatchString(find(b, text)))
		},
	},
	{
		// The kernel refuses a buffer that is too small for a record. From the
		// shim records come through a pipe, which fills any buffer.
		Name: "kmsg/small-buffer", Calls: "read", Needs: Root, Like: Stated, Want: []string{"read of 4 bytes = 4 ok"},
		Run: func(r *Record) {
			_, _ = unix.Write(r.Fixture(kmsg, unix.O_WRONLY), []byte("a line\n"))
			fd := r.Fixture(kmsg, unix.O_RDONLY|unix.O_NONBLOCK)
			n, err := unix.Read(fd, make([]byte, 4))
			r.Say("read of 4 bytes = %d %s", n, Errno(err))
		},
	},
	{
		Name: "kmsg/listed", Calls: "getdents64", Needs: Root, Has: "native",
		Not: map[string]string{"gvisor": "makes a regular file of /dev/kmsg when the row runs without the shim first"},
		Run: func(r *Record) {
			entries, err := os.ReadDir("/dev")
			n := 0
			for _, e := range entries {
				if e.Name() == "kmsg" {
					n++
					r.Say("%v", e.Type())
				}
			}
			r.Say("%d times in /dev, %s", n, Errno(err))
			r.Command("/bin/sh", "-c", "[ -c /dev/kmsg ] && echo a device; echo "+r.Names["tag"]+" > /dev/kmsg && echo written")
		},
	},
}
