package cases

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An Ability is what a kernel can do and not every one does, said so that it
// goes behind "the kernel has no". Whether it does is found out by trying, on
// the ground itself: kernels of one name and version differ.
type Ability string

const (
	Openat2       Ability = "openat2"
	Faccessat2    Ability = "faccessat2"
	Clone3        Ability = "clone3"
	ClearHandlers Ability = "CLONE_CLEAR_SIGHAND"
	Kcmp          Ability = "kcmp, and nothing else tells who shares a table"
	ProcessVM     Ability = "process_vm_readv, and /proc/PID/mem also reads what the program may not"
	Userfaultfd   Ability = "userfaultfd"
	Handles       Ability = "file handles"
	Fanotify      Ability = "fanotify"
	NewMounts     Ability = "fsopen and its kin"
	LinuxMounts   Ability = "mounts that it tells of as Linux does"
	SysAdmin      Ability = "CAP_SYS_ADMIN here, so that a filter needs no_new_privs"
	MountIDs      Ability = "mount ids in statx"
	Positions     Ability = "positions in fdinfo"
	Umasks        Ability = "umask in /proc/PID/status: 022 is assumed"
	InnerPIDs     Ability = "NSpid in /proc/PID/status"
	PacketPipes   Ability = "packet pipes: a read gives several records"
	ProcXattr     Ability = "Linux's errors for extended attributes of procfs"
	UserXattr     Ability = "user attributes in tmpfs"
	ProcChanges   Ability = "Linux's errors for changes in procfs"
	LinkErrors    Ability = "ENOTDIR for O_DIRECTORY|O_NOFOLLOW of a link"
	EntryInodes   Ability = "d_ino that are st_ino"
	FIFORestarts  Ability = "open of a FIFO that goes on behind a signal"
	ServedNames   Ability = "such names"
)

// abilities has how each is tried.
var abilities = map[Ability]func() bool{
	Openat2: func() bool { return known(unix.SYS_OPENAT2) },
	Faccessat2: func() bool {
		return inFolder(func(dir string) bool {
			_, _, errno := unix.Syscall6(unix.SYS_FACCESSAT2, fdarg(unix.AT_FDCWD), cstr(dir), unix.R_OK, unix.AT_SYMLINK_NOFOLLOW|unix.AT_EACCESS, 0, 0)
			return errno == 0
		})
	},
	Clone3: func() bool { return known(unix.SYS_CLONE3) },
	ClearHandlers: func() bool {
		self, err := os.Executable()
		must("executable", err)
		out, err := exec.Command(strings.TrimSuffix(self, "victim")+"clone3", "/dev/null", "handlers").Output()
		return err == nil && !strings.Contains(string(out), "errno")
	},
	Kcmp:        func() bool { return known(unix.SYS_KCMP) },
	ProcessVM:   func() bool { return known(unix.SYS_PROCESS_VM_READV) },
	Userfaultfd: func() bool { return known(unix.SYS_USERFAULTFD, ^uintptr(0)) },
	Handles:     func() bool { return known(unix.SYS_NAME_TO_HANDLE_AT) },
	Fanotify:    func() bool { return known(unix.SYS_FANOTIFY_INIT, ^uintptr(0)) },
	NewMounts:   func() bool { return known(unix.SYS_FSOPEN) },
	LinuxMounts: linuxMounts,
	SysAdmin: func() bool {
		var h = unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var data [2]unix.CapUserData
		return unix.Capget(&h, &data[0]) == nil && data[0].Effective&(1<<unix.CAP_SYS_ADMIN) != 0
	},
	MountIDs: func() bool {
		var x unix.Statx_t
		return statx(unix.AT_FDCWD, "/proc", 0, unix.STATX_MNT_ID, &x) == nil && x.Mask&unix.STATX_MNT_ID != 0
	},
	Positions:   func() bool { return says("/proc/self/fdinfo/0", "pos:") },
	Umasks:      func() bool { return says("/proc/self/status", "Umask:") },
	InnerPIDs:   func() bool { return says("/proc/self/status", "NSpid:") },
	PacketPipes: packetPipes,
	ProcXattr:   func() bool { return unix.Setxattr("/proc/sys", "user.shim", []byte("v"), 0) == unix.EACCES },
	UserXattr: func() bool {
		return inFolder(func(dir string) bool { return unix.Setxattr(dir, "user.shim", []byte("v"), 0) == nil })
	},
	ProcChanges: func() bool { return unix.Mkdir("/proc/shim", 0o755) == unix.ENOENT },
	LinkErrors: func() bool {
		return inFolder(func(dir string) bool {
			must("symlink", os.Symlink("/", dir+"/link"))
			_, err := unix.Open(dir+"/link", unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
			return err == unix.ENOTDIR
		})
	},
	EntryInodes:  entryInodes,
	FIFORestarts: func() bool { return inFolder(fifoRestarts) },
	ServedNames:  func() bool { return unix.Access(Real["const"], 0) == nil },
}

// Lacks tries all abilities, and tells which the kernel has not.
func Lacks() []Ability {
	var lacks []Ability
	for ability, has := range abilities {
		if !has() {
			lacks = append(lacks, ability)
		}
	}
	return lacks
}

// known tells whether the kernel has a call, by arguments that it refuses. gVisor
// says EPERM of some that it has not to those who might not make them.
func known(nr uintptr, args ...uintptr) bool {
	a := [6]uintptr{^uintptr(0), ^uintptr(0), ^uintptr(0), ^uintptr(0), ^uintptr(0), ^uintptr(0)}
	copy(a[:], args)
	_, _, errno := unix.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return errno != unix.ENOSYS && errno != unix.EPERM && errno != unix.EOPNOTSUPP
}

func says(file, word string) bool {
	text, err := os.ReadFile(file)
	return err == nil && bytes.Contains(text, []byte(word))
}

// apart runs f in a mount namespace of its own, where one can be had.
func apart(f func() bool) bool {
	result := make(chan bool)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends here
		_ = unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS)
		result <- f()
	}()
	return <-result
}

func inFolder(f func(dir string) bool) bool {
	dir, err := os.MkdirTemp("", "conformance-")
	must("folder", err)
	defer os.RemoveAll(dir)
	return f(dir)
}

// linuxMounts is true as well where nothing can be mounted: then it is the shim
// that tells of mounts.
func linuxMounts() bool {
	return inFolder(func(dir string) bool {
		return apart(func() bool {
			_ = unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, "")
			if unix.Mount("token", dir, "tmpfs", 0, "") != nil {
				return true
			}
			defer unix.Unmount(dir, unix.MNT_DETACH)
			text, err := os.ReadFile("/proc/thread-self/mountinfo")
			return err == nil && strings.Contains(string(text), "tmpfs token")
		})
	})
}

func packetPipes() bool {
	var p [2]int
	if unix.Pipe2(p[:], unix.O_DIRECT|unix.O_CLOEXEC) != nil {
		return false
	}
	defer unix.Close(p[0])
	defer unix.Close(p[1])
	for range 2 {
		_, err := unix.Write(p[1], []byte("a"))
		must("write", err)
	}
	n, err := unix.Read(p[0], make([]byte, 8))
	return err == nil && n == 1
}

func entryInodes() bool {
	fd, err := unix.Open("/proc/sys/kernel", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	must("open", err)
	defer unix.Close(fd)
	entries, err := dirents(unix.SYS_GETDENTS64, fd, 4096)
	must("getdents64", err)
	for _, e := range entries {
		var st unix.Stat_t
		if e.name != "." && e.name != ".." && unix.Stat(filepath.Join("/proc/sys/kernel", e.name), &st) == nil && st.Ino != e.ino {
			return false
		}
	}
	return true
}

// fifoRestarts opens a FIFO and has a signal with a handler come in between. Go's
// handlers say SA_RESTART.
func fifoRestarts(dir string) bool {
	name := dir + "/fifo"
	must("mkfifo", unix.Mkfifo(name, 0o600))
	thread, opened := make(chan int), make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		thread <- unix.Gettid()
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, fdarg(unix.AT_FDCWD), cstr(name), unix.O_RDONLY, 0, 0, 0)
		if errno != 0 {
			opened <- errno
			return
		}
		_ = unix.Close(int(fd))
		opened <- nil
	}()
	tid := <-thread
	time.Sleep(50 * time.Millisecond)
	_ = unix.Tgkill(os.Getpid(), tid, syscall.SIGURG)
	time.Sleep(50 * time.Millisecond)
	fd, err := unix.Open(name, unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err == nil {
		defer unix.Close(fd)
	}
	return <-opened == nil
}
