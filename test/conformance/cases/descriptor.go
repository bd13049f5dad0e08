package cases

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

var descriptorCases = []Case{
	{
		Name: "descriptor/dup", Calls: "dup read lseek",
		Run: func(r *Record) {
			fd := r.Fixture("string", unix.O_RDONLY)
			dup, _ := unix.Dup(fd)
			r.Hold(dup)
			buf := make([]byte, 2)
			n, err := unix.Read(fd, buf)
			r.Say("one reads %q %s", buf[:max(n, 0)], Errno(err))
			n, err = unix.Read(dup, buf)
			r.Say("the other goes on %q %s", buf[:max(n, 0)], Errno(err))
		},
	},
	{
		Name: "descriptor/inherited", Calls: "clone execve openat",
		Run: func(r *Record) {
			for _, kind := range []string{"const", "keys/maxkeys"} {
				cmd := exec.Command("/bin/cat")
				f, err := os.Open(r.Path(kind))
				if err != nil {
					r.Say("%s: %s", kind, Errno(err))
					continue
				}
				cmd.Stdin = f
				out, err := cmd.CombinedOutput()
				_ = f.Close()
				r.Say("cat < %s: %q %v", kind, out, err)
			}
		},
	},
	{
		Name: "descriptor/close-on-exec", Calls: "openat execve", Needs: Own,
		Run: func(r *Record) {
			a, err := openat(unix.AT_FDCWD, r.Path("const"), unix.O_RDONLY, 0)
			r.Say("without O_CLOEXEC: %s", Errno(err))
			b, err := openat(unix.AT_FDCWD, r.Path("const"), unix.O_RDONLY|unix.O_CLOEXEC, 0)
			r.Say("with: %s", Errno(err))
			keys, err := openat(unix.AT_FDCWD, r.Path("keys"), unix.O_RDONLY, 0)
			r.Say("directory: %s", Errno(err))
			r.Command("/bin/bash", "-c", fmt.Sprintf("read -u %d x && echo inherited $x; { read -u %d x; } 2>/dev/null || echo closed; cat /dev/fd/%d/maxkeys", a, b, keys))
		},
	},
	{
		Name: "descriptor/readlink", Calls: "readlink readlinkat",
		Run: func(r *Record) {
			for _, kind := range []string{"range", "const", "keys", "keys/maxkeys", "keys/../keys/./gc_delay"} {
				for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
					fd := r.Fixture(kind, flags)
					for _, form := range []string{"/proc/self/fd/%d", "/proc/thread-self/fd/%d", "/dev/fd/%d"} {
						link, err := os.Readlink(fmt.Sprintf(form, fd))
						r.Say("%s, %#x: %s = %s %s", kind, flags, strings.Replace(form, "%d", "N", 1), link, Errno(err))
					}
					link, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd))
					r.Say("%s: by pid = %s %s", kind, link, Errno(err))
					buf := make([]byte, 6)
					n, err := call(unix.SYS_READLINK, cstr(fmt.Sprintf("/proc/self/fd/%d", fd)), addr(buf), uintptr(len(buf)))
					r.Say("%s: six bytes of it = %q %s", kind, buf[:max(n, 0)], Errno(err))
				}
			}
			buf := make([]byte, 100)
			for _, kind := range kinds {
				_, err := call(unix.SYS_READLINKAT, fdarg(unix.AT_FDCWD), cstr(r.Path(kind)), addr(buf), uintptr(len(buf)))
				r.Say("readlinkat(%s) = %s", kind, Errno(err))
			}
		},
	},
	{
		Name: "descriptor/reopen", Calls: "openat newfstatat",
		Run: func(r *Record) {
			for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
				fd := r.Fixture("const", flags)
				for _, form := range []string{"/proc/self/fd/%d", "/dev/fd/%d", "/proc/thread-self/fd/%d"} {
					again, err := openat(unix.AT_FDCWD, fmt.Sprintf(form, fd), unix.O_RDONLY, 0)
					r.Say("%s of %#x: %s", strings.TrimSuffix(form, "%d"), flags, r.opened(again, err))
					again, err = openat(unix.AT_FDCWD, fmt.Sprintf(form, fd), unix.O_WRONLY, 0)
					r.Say("%s of %#x to write: %s", strings.TrimSuffix(form, "%d"), flags, r.opened(again, err))
					again, err = openat(unix.AT_FDCWD, fmt.Sprintf(form, fd), unix.O_RDONLY|unix.O_NOFOLLOW, 0)
					r.Say("%s of %#x, NOFOLLOW: %s", strings.TrimSuffix(form, "%d"), flags, r.opened(again, err))
					var st unix.Stat_t
					err = newfstatat(unix.AT_FDCWD, fmt.Sprintf(form, fd), &st, 0)
					r.Say("%s of %#x, stat: %s", strings.TrimSuffix(form, "%d"), flags, r.described(&st, err))
				}
			}
			keys := r.Fixture("keys", unix.O_PATH)
			r.Say("below a directory's: %s", r.Content(fmt.Sprintf("/proc/self/fd/%d/maxkeys", keys)))
			r.Say("and up again: %s", r.Content(fmt.Sprintf("/proc/self/fd/%d/../keys/maxkeys", keys)))
		},
	},
	{
		// Reopening begins anew: another offset than the first descriptor's.
		Name: "descriptor/reopen-offset", Calls: "openat read",
		Run: func(r *Record) {
			fd := r.Fixture("string", unix.O_RDONLY)
			_, _ = unix.Read(fd, make([]byte, 2))
			r.Say("%s", r.Content(fmt.Sprintf("/proc/self/fd/%d", fd)))
			r.Say("%s", Drain(fd))
		},
	},
	{
		Name: "descriptor/poll", Calls: "poll ppoll select",
		Run: func(r *Record) {
			fds := []unix.PollFd{{Fd: int32(r.Fixture("range", unix.O_RDONLY)), Events: unix.POLLIN | unix.POLLOUT}}
			n, err := unix.Poll(fds, 0)
			r.Say("readable and writable at once: %d %s in=%v out=%v", n, Errno(err), fds[0].Revents&unix.POLLIN != 0, fds[0].Revents&unix.POLLOUT != 0)
		},
	},
	{
		// A sysctl can be polled for changes, a file in memory cannot: epoll
		// refuses it as it refuses every ordinary file.
		Name: "descriptor/epoll", Calls: "epoll_ctl", Like: Stated,
		Want: []string{"epoll_create1: ok", "epoll_ctl: EPERM"},
		Run: func(r *Record) {
			ep, err := unix.EpollCreate1(0)
			r.Hold(ep)
			r.Say("epoll_create1: %s", Errno(err))
			err = unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, r.Fixture("range", unix.O_RDONLY), &unix.EpollEvent{Events: unix.EPOLLIN})
			r.Say("epoll_ctl: %s", Errno(err))
		},
	},
	{
		Name: "descriptor/ioctl", Calls: "ioctl",
		Run: func(r *Record) {
			fd := r.Fixture("range", unix.O_RDONLY)
			_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			r.Say("TCGETS: %s", Errno(err))
			_, err = unix.IoctlGetInt(fd, 0xdead)
			r.Say("unknown: %s", Errno(err))
		},
	},
	{
		Name: "descriptor/fcntl", Calls: "fcntl flock",
		Run: func(r *Record) {
			fd := r.Fixture("range", unix.O_RDONLY)
			_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFL, unix.O_NONBLOCK)
			r.Say("F_SETFL: %s", Errno(err))
			status, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
			r.Say("F_GETFL: %#x %s", status, Errno(err))
			r.Say("flock: %s", Errno(unix.Flock(fd, unix.LOCK_SH)))
		},
	},
	{
		// Nobody asks a sysctl for seals, but this tells the two apart.
		Name: "descriptor/seals", Calls: "fcntl", Like: Stated, Want: []string{"F_GET_SEALS: ok"},
		Run: func(r *Record) {
			_, err := unix.FcntlInt(uintptr(r.Fixture("range", unix.O_RDONLY)), unix.F_GET_SEALS, 0)
			r.Say("F_GET_SEALS: %s", Errno(err))
		},
	},
	{
		// procfs has no fsync, a file in memory has.
		Name: "descriptor/sync", Calls: "fsync", Like: Stated, Want: []string{"fsync: ok"},
		Run: func(r *Record) {
			_, err := call(unix.SYS_FSYNC, fdarg(r.Fixture("range", unix.O_RDONLY)))
			r.Say("fsync: %s", Errno(err))
		},
	},
	{
		Name: "descriptor/fdinfo", Calls: "openat read",
		Run: func(r *Record) {
			fd := r.Fixture("range", unix.O_RDONLY|unix.O_CLOEXEC)
			text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
			r.Say("%s", Errno(err))
			for _, line := range strings.Split(string(text), "\n") {
				if strings.HasPrefix(line, "pos:") || strings.HasPrefix(line, "flags:") {
					r.Say("%s", line)
				}
			}
		},
		Takes: Positions,
	},
	{
		Name: "descriptor/none-leaked", Calls: "openat getdents64", Needs: Own,
		Run: func(r *Record) {
			before, _ := os.ReadDir("/proc/self/fd")
			for _, kind := range []string{"range", "const", "keys", "string"} {
				for range 50 {
					fd, err := openat(unix.AT_FDCWD, r.Path(kind), unix.O_RDONLY, 0)
					if err != nil {
						r.Say("%s: %s", kind, Errno(err))
						break
					}
					_ = unix.Close(fd)
				}
			}
			after, _ := os.ReadDir("/proc/self/fd")
			r.Say("as many as before: %v", len(before) == len(after))
		},
	},
	{
		Name: "descriptor/passed-on", Calls: "sendmsg recvmsg",
		Run: func(r *Record) {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				r.Say("socketpair: %s", Errno(err))
				return
			}
			r.Hold(pair[0])
			r.Hold(pair[1])
			err = unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(r.Fixture("const", unix.O_RDONLY)), nil, 0)
			r.Say("sendmsg: %s", Errno(err))
			oob := make([]byte, 64)
			_, n, _, _, err := unix.Recvmsg(pair[1], make([]byte, 1), oob, 0)
			r.Say("recvmsg: %s", Errno(err))
			messages, err := unix.ParseSocketControlMessage(oob[:n])
			if err != nil || len(messages) == 0 {
				r.Say("no message: %v", err)
				return
			}
			fds, _ := unix.ParseUnixRights(&messages[0])
			r.Hold(fds[0])
			r.Say("received: %s", Drain(fds[0]))
		},
	},
}
