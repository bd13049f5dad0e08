package ptrace

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// serving installs one memfd for whatever opens /served, by any call.
func serving(answer shim.Answer) func() *forced {
	return func() *forced {
		fd := memfd("what is served")
		return &forced{handle: func(c *shim.Call) shim.Answer {
			name := 0
			if c.Nr == unix.SYS_OPENAT || c.Nr == unix.SYS_OPENAT2 {
				name = 1
			}
			if pathOf(c, name) != "/served" {
				return shim.Answer{}
			}
			a := answer
			a.Kind = shim.Install
			a.FD, _ = unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
			a.CloseFD = true
			return a
		}, done: func() {
			fds, err := os.ReadDir("/proc/self/fd")
			check(err)
			fmt.Println("descriptors:", len(fds))
		}}
	}
}

// look opens /served and tells what it got.
func look(open func() (int, error)) {
	lowest, err := unix.FcntlInt(0, unix.F_DUPFD, 3)
	check(err)
	check(unix.Close(lowest))
	fd, err := open()
	if err != nil {
		fmt.Println(err)
		return
	}
	var buf [64]byte
	n, err := unix.Pread(fd, buf[:], 0)
	check(err)
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	check(err)
	cloexec, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	check(err)
	fmt.Printf("%s lowest=%v mode=%d nonblock=%v cloexec=%d\n",
		buf[:n], fd == lowest, flags&unix.O_ACCMODE, flags&unix.O_NONBLOCK != 0, cloexec)
	check(unix.Close(fd))
}

func openServed() (int, error) { return unix.Openat(unix.AT_FDCWD, "/served", unix.O_RDONLY, 0) }

// intrude sends a descriptor to all sockets whose names can be seen and are like ours.
func intrude(fd int) {
	from, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	check(err)
	for {
		sockets, err := os.ReadFile("/proc/net/unix")
		check(err)
		for line := range strings.Lines(string(sockets)) {
			if _, name, ok := strings.Cut(strings.TrimSpace(line), " @"); ok && len(name) == nameLength {
				to := &unix.SockaddrUnix{Name: "@" + name}
				_ = unix.Sendmsg(from, []byte{0}, unix.UnixRights(fd), to, unix.MSG_DONTWAIT)
			}
		}
	}
}

func init() {
	opens := []int{unix.SYS_OPENAT, unix.SYS_OPENAT2}
	scenarios["install"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK}),
		victim: func() {
			for range 50 {
				look(openServed)
			}
		},
	}
	scenarios["install for openat2"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDWR}),
		victim: func() {
			look(func() (int, error) {
				return unix.Openat2(unix.AT_FDCWD, "/served", &unix.OpenHow{})
			})
		},
	}
	scenarios["install for nobody"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDONLY | unix.O_CLOEXEC}),
		victim: func() {
			check(unix.Setgroups(nil))
			check(unix.Setresgid(65534, 65534, 65534))
			check(unix.Setresuid(65534, 65534, 65534))
			look(openServed)
			look(openServed)
		},
	}
	// Where pidfd_getfd is missing, descriptors go by names, and somebody who reads
	// those sends his own.
	scenarios["install by name"] = scenario{
		traps: opens,
		policy: func() *forced {
			runtime.LockOSThread() // the tracing thread's it will be
			check(loadFilter([]int{unix.SYS_PIDFD_GETFD}, 1))
			go intrude(memfd("an intruder's"))
			return serving(shim.Answer{Flags: unix.O_RDONLY | unix.O_CLOEXEC})()
		},
		victim: func() {
			check(unix.Setgroups(nil))
			check(unix.Setresgid(65534, 65534, 65534))
			check(unix.Setresuid(65534, 65534, 65534))
			for range 300 {
				look(openServed)
			}
		},
	}
	scenarios["install in a chroot"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDONLY}),
		victim: func() {
			dir, err := os.MkdirTemp("", "empty")
			check(err)
			defer os.Remove(dir)
			out, err := unix.Open("/", unix.O_PATH, 0)
			check(err)
			check(unix.Chroot(dir))
			check(unix.Chdir("/"))
			look(openServed)
			check(unix.Fchdir(out))
			check(unix.Chroot("."))
		},
	}
	scenarios["install under another proc"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDWR | unix.O_APPEND}),
		victim: func() {
			check(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""))
			check(unix.Mount("proc", "/proc", "proc", 0, ""))
			look(openServed)
			look(openServed)
		},
	}
	scenarios["install without descriptors"] = scenario{
		traps:  opens,
		policy: serving(shim.Answer{Flags: unix.O_RDONLY}),
		victim: func() {
			limit := unix.Rlimit{Cur: 3, Max: 3}
			check(unix.Setrlimit(unix.RLIMIT_NOFILE, &limit))
			_, err := openServed()
			fmt.Println(err)
		},
	}
	scenarios["install a pipe"] = scenario{
		traps: opens,
		policy: func() *forced {
			var pipe [2]int
			check(unix.Pipe2(pipe[:], unix.O_CLOEXEC))
			_, err := unix.Write(pipe[1], []byte("a record"))
			check(err)
			return served("/served", func(*shim.Call) shim.Answer {
				return shim.Answer{Kind: shim.Install, FD: pipe[0]}
			})()
		},
		victim: func() {
			fd, err := openServed()
			check(err)
			var buf [64]byte
			n, err := unix.Read(fd, buf[:])
			check(err)
			fmt.Printf("%s\n", buf[:n])
		},
	}
	// Both ends wait for each other, and a third call is answered meanwhile.
	scenarios["open a FIFO"] = scenario{
		traps: opens,
		policy: func() *forced {
			dir, err := os.MkdirTemp("", "fifo")
			check(err)
			name := filepath.Join(dir, "fifo")
			check(unix.Mkfifo(name, 0))
			check(unix.Chmod(name, 0o666))
			fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
			check(err)
			check(os.RemoveAll(dir))
			file := memfd("what is served")
			return &forced{handle: func(c *shim.Call) shim.Answer {
				switch pathOf(c, 1) {
				case "/fifo":
					return shim.Answer{Kind: shim.Install, FD: fd, Itself: true, Flags: int(c.Args[2]) &^ unix.O_LARGEFILE}
				case "/served":
					return shim.Answer{Kind: shim.Install, FD: file}
				}
				return shim.Answer{}
			}}
		},
		victim: func() {
			check(unix.Setgroups(nil))
			check(unix.Setresgid(65534, 65534, 65534))
			check(unix.Setresuid(65534, 65534, 65534))
			read := make(chan string)
			go func() { read <- open("/fifo") }()
			time.Sleep(50 * time.Millisecond)
			look(openServed)
			now, err := unix.Open("/fifo", unix.O_WRONLY|unix.O_NONBLOCK, 0)
			check(err)
			to, err := unix.Open("/fifo", unix.O_WRONLY, 0)
			check(err)
			check(unix.Close(now)) // not before: the reader would be at its end
			_, err = unix.Write(to, []byte("through it"))
			check(err)
			fmt.Println(<-read)
			fds, err := os.ReadDir("/proc/self/fd")
			check(err)
			for _, fd := range fds {
				if link, _ := os.Readlink("/proc/self/fd/" + fd.Name()); strings.Contains(link, "socket:") || strings.Contains(link, "fifo") && fd.Name() != strconv.Itoa(to) {
					fmt.Println("left behind:", fd.Name(), link)
				}
			}
		},
	}
	directory := func() *forced {
		fd, err := unix.Open("/usr", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		check(err)
		return &forced{handle: func(c *shim.Call) shim.Answer {
			if c.Nr == unix.SYS_CHDIR && pathOf(c, 0) != "/served" {
				return shim.Answer{}
			}
			return shim.Answer{Kind: shim.EnterDirectory, FD: fd}
		}}
	}
	scenarios["enter a directory"] = scenario{
		traps:  []int{unix.SYS_CHDIR, unix.SYS_FCHDIR},
		policy: directory,
		victim: func() {
			for _, enter := range []func() error{
				func() error { return unix.Chdir("/served") },
				func() error { return unix.Fchdir(77) },
			} {
				check(unix.Chdir("/"))
				check(enter())
				dir, err := os.Readlink("/proc/self/cwd")
				check(err)
				fmt.Println(dir)
			}
		},
	}
	scenarios["enter a directory as nobody"] = scenario{
		traps:  []int{unix.SYS_CHDIR},
		policy: directory,
		victim: func() {
			check(unix.Setgroups(nil))
			check(unix.Setresuid(65534, 65534, 65534))
			before, err := unix.FcntlInt(0, unix.F_DUPFD, 3)
			check(err)
			check(unix.Chdir("/served"))
			dir, err := unix.Getwd()
			check(err)
			after, err := unix.FcntlInt(0, unix.F_DUPFD, 3)
			check(err)
			fmt.Println(dir, after-before)
		},
	}
}

const installed = "what is served lowest=true mode=0 nonblock=%v cloexec=%d\n"

func TestInstall(t *testing.T) {
	s := expect(t, "install", strings.Repeat(fmt.Sprintf(installed, true, 1), 50))
	if !strings.Contains(s.said.String(), "descriptors:") {
		t.Error(s.said.String())
	}
	// 0, 1, 2, the memfd, Go's epoll and its eventfd, the directory being read.
	if n := 0; func() bool {
		fmt.Sscanf(s.said.String()[strings.Index(s.said.String(), "descriptors:"):], "descriptors: %d", &n)
		return n > 20
	}() {
		t.Errorf("the supervisor holds %d descriptors", n)
	}
}

func TestInstallForOpenat2(t *testing.T) {
	if inGvisor() {
		t.Skip("no openat2")
	}
	expect(t, "install for openat2", "what is served lowest=true mode=2 nonblock=false cloexec=0\n")
}

func TestInstallForNobody(t *testing.T) {
	root(t)
	expect(t, "install for nobody", strings.Repeat(fmt.Sprintf(installed, false, 1), 2))
}

func TestOpenAFIFO(t *testing.T) {
	root(t)
	expect(t, "open a FIFO", fmt.Sprintf(installed, false, 0)+"through it\n")
}

func TestInstallByName(t *testing.T) {
	root(t)
	expect(t, "install by name", strings.Repeat(fmt.Sprintf(installed, false, 1), 300))
}

func TestInstallInAChroot(t *testing.T) {
	root(t)
	expect(t, "install in a chroot", fmt.Sprintf(installed, false, 0))
}

func TestInstallWithoutDescriptors(t *testing.T) {
	expect(t, "install without descriptors", "too many open files\n")
}

func TestInstallAPipe(t *testing.T) { expect(t, "install a pipe", "a record\n") }

func TestEnterDirectory(t *testing.T) { expect(t, "enter a directory", "/usr\n/usr\n") }

func TestEnterDirectoryAsNobody(t *testing.T) {
	root(t)
	expect(t, "enter a directory as nobody", "/usr 1\n")
}

// Another pid namespace's /proc has another process under the supervisor's
// number, or none.
func TestInstallInAPidNamespace(t *testing.T) {
	root(t)
	if inGvisor() {
		t.Skip("namespaces inside are out of reach")
	}
	expect(t, "install", strings.Repeat(fmt.Sprintf(installed, true, 1), 50), func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	})
}

func TestInstallUnderAnotherProc(t *testing.T) {
	root(t)
	if inGvisor() {
		t.Skip("namespaces inside are out of reach")
	}
	for _, flags := range []uintptr{0, unix.CLONE_NEWNET} {
		expect(t, "install under another proc", strings.Repeat("what is served lowest=true mode=2 nonblock=false cloexec=0\n", 2), func(c *exec.Cmd) {
			c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS | flags}
		})
	}
}

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can drop privileges")
	}
}
