package cases

import (
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// arrived looks at the file at the end of a way with the calls that see it:
// all must lead to the same file.
func (r *Record) arrived(dirfd int, path string) {
	fd, err := openat(dirfd, path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	r.Say("openat = %s", r.opened(fd, err))
	fd, err = openat(dirfd, path, unix.O_PATH|unix.O_CLOEXEC, 0)
	r.Say("openat O_PATH = %s", r.opened(fd, err))
	var st unix.Stat_t
	err = newfstatat(dirfd, path, &st, 0)
	r.Say("newfstatat = %s %#o", Errno(err), st.Mode)
	var x unix.Statx_t
	err = statx(dirfd, path, 0, unix.STATX_BASIC_STATS, &x)
	r.Say("statx = %s %#o, same inode %v", Errno(err), x.Mode, x.Ino == st.Ino)
	_, err = call(unix.SYS_FACCESSAT, fdarg(dirfd), cstr(path), unix.R_OK)
	r.Say("faccessat(R_OK) = %s", Errno(err))
	_, err = call(unix.SYS_FACCESSAT, fdarg(dirfd), cstr(path), unix.X_OK)
	r.Say("faccessat(X_OK) = %s", Errno(err))
	if dirfd == unix.AT_FDCWD {
		var fs unix.Statfs_t
		err = statfs(path, &fs)
		r.Say("statfs = %s, procfs %v", Errno(err), fs.Type == unix.PROC_SUPER_MAGIC)
	}
}

// wayOut is a row about a way that does not lead there any more.
func wayOut(name string, needs Need, walk func(r *Record) (dirfd int, path string)) Case {
	c := way(name, needs, walk)
	c.Real = true
	return c
}

// way is a row about one way to the same file.
func way(name string, needs Need, walk func(r *Record) (dirfd int, path string)) Case {
	return Case{
		Name: "way/" + name, Calls: "openat newfstatat statx faccessat statfs", Needs: needs,
		Run: func(r *Record) {
			dirfd, path := walk(r)
			r.arrived(dirfd, path)
		},
	}
}

func below(r *Record) string { return strings.TrimPrefix(r.Path("const"), "/proc/sys/") }

// must ends the row when its setting cannot be made.
func must(what string, err error) {
	if err != nil {
		panic(what + ": " + Errno(err))
	}
}

// newRoot makes a directory with an empty /proc, and a copy of nothing else.
func newRoot(r *Record) string {
	dir := r.Tmp()
	must("mkdir", os.Mkdir(dir+"/proc", 0o555))
	return dir
}

// private gives the process a mount namespace of its own.
func private() {
	must("unshare", unix.Unshare(unix.CLONE_NEWNS))
	// Old gVisor knows no propagation.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != unix.EINVAL {
		must("private", err)
	}
}

// mount mounts until the row is done: nothing may be removed through a mount.
func (r *Record) mount(source, target, kind string, flags uintptr, data string) {
	err := unix.Mount(source, target, kind, flags, data)
	if err == unix.EINVAL {
		// Old gVisor knows no MS_REC.
		err = unix.Mount(source, target, kind, flags&^unix.MS_REC, data)
	}
	must("mount", err)
	// In a chroot it cannot be found again, and goes with the namespace.
	r.Defer(func() { _ = unix.Unmount(target, unix.MNT_DETACH) })
}

var wayCases = []Case{
	way("plain", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, r.Path("const") }),
	way("dots-and-slashes", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, "//proc/./sys/../sys//./" + below(r)
	}),
	way("above-the-root", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, "/../../proc/../proc/sys/" + below(r)
	}),
	way("proc-self-root", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, "/proc/self/root" + r.Path("const") }),
	way("proc-thread-self-root", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, "/proc/thread-self/root" + r.Path("const")
	}),
	way("proc-pid-root", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/proc/%d/root%s", os.Getpid(), r.Path("const"))
	}),
	way("proc-parent-root", Own, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/proc/%d/root%s", os.Getppid(), r.Path("const"))
	}),
	way("proc-task-root", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/proc/self/task/%d/root%s", unix.Gettid(), r.Path("const"))
	}),
	way("proc-self-cwd", 0, func(r *Record) (int, string) {
		must("chdir", unix.Chdir("/proc"))
		return unix.AT_FDCWD, "/proc/self/cwd/sys/" + below(r)
	}),
	way("roots-in-a-row", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, "/proc/self/root/proc/self/root/proc/thread-self/root" + r.Path("const")
	}),
	way("dirfd-proc-sys", 0, func(r *Record) (int, string) {
		return r.Fixture("/proc/sys", unix.O_RDONLY|unix.O_DIRECTORY), below(r)
	}),
	way("dirfd-o-path", 0, func(r *Record) (int, string) {
		return r.Fixture("/proc", unix.O_PATH), "sys/" + below(r)
	}),
	way("dirfd-root", 0, func(r *Record) (int, string) {
		return r.Fixture("/", unix.O_RDONLY), r.Path("const")[1:]
	}),
	way("dirfd-dup", 0, func(r *Record) (int, string) {
		fd, err := unix.Dup(r.Fixture("/proc/sys", unix.O_RDONLY))
		must("dup", err)
		return r.Hold(fd), below(r)
	}),
	way("dirfd-parent", 0, func(r *Record) (int, string) {
		name := r.Path("const")
		cut := strings.LastIndex(name, "/")
		return r.Fixture(name[:cut], unix.O_RDONLY), name[cut+1:]
	}),
	way("dirfd-up", 0, func(r *Record) (int, string) {
		return r.Fixture("keys", unix.O_RDONLY), upward(r.Path("keys")) + r.Path("const")[1:]
	}),
	way("cwd-proc-sys", 0, func(r *Record) (int, string) {
		must("chdir", unix.Chdir("/proc/sys"))
		return unix.AT_FDCWD, below(r)
	}),
	way("cwd-up", 0, func(r *Record) (int, string) {
		must("chdir", unix.Chdir("/proc/sys/kernel"))
		return unix.AT_FDCWD, "../" + below(r)
	}),
	way("cwd-of-fchdir", 0, func(r *Record) (int, string) {
		must("fchdir", unix.Fchdir(r.Fixture("/proc", unix.O_PATH)))
		return unix.AT_FDCWD, "sys/" + below(r)
	}),
	way("link-absolute", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, links(r) + "/absolute" }),
	way("link-relative", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, links(r) + "/relative" }),
	way("link-to-directory", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, links(r) + "/sys/" + below(r) }),
	way("link-through-magic", 0, func(r *Record) (int, string) { return unix.AT_FDCWD, links(r) + "/self" }),
	way("link-from-dirfd", 0, func(r *Record) (int, string) {
		return r.Fixture(links(r), unix.O_RDONLY), "sys/../sys/" + below(r)
	}),
	way("o-path-then-fd", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d", r.Fixture("const", unix.O_PATH))
	}),
	way("o-path-then-dev-fd", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/dev/fd/%d", r.Fixture("const", unix.O_PATH))
	}),
	way("o-path-directory-then-fd", 0, func(r *Record) (int, string) {
		return unix.AT_FDCWD, fmt.Sprintf("/proc/self/fd/%d/%s", r.Fixture("/proc/sys", unix.O_PATH), below(r))
	}),
	way("after-setuid", Root|Own, func(r *Record) (int, string) {
		_, err := call(unix.SYS_SETRESUID, 65534, 65534, 65534)
		must("setresuid", err)
		return unix.AT_FDCWD, r.Path("const")
	}),
	way("chroot-bound-proc", Mounts|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		private()
		r.mount("/proc", dir+"/proc", "", unix.MS_BIND|unix.MS_REC, "")
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return unix.AT_FDCWD, r.Path("const")
	}),
	way("chroot-bound-proc-sys", Mounts|Own, func(r *Record) (int, string) {
		// The same directory by another name.
		dir := newRoot(r)
		private()
		r.mount("/proc/sys", dir+"/proc", "", unix.MS_BIND, "")
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return unix.AT_FDCWD, "/proc/" + below(r)
	}),
	way("chroot-fresh-proc", Mounts|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		private()
		r.mount("proc", dir+"/proc", "proc", 0, "")
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return unix.AT_FDCWD, r.Path("const")
	}),
	wayOut("chroot-without-proc", Root|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return unix.AT_FDCWD, r.Path("const")
	}),
	wayOut("chroot-fake-proc", Root|Own, func(r *Record) (int, string) {
		// An ordinary directory of that name is not procfs.
		dir := r.Tmp()
		name := r.Path("const")
		must("mkdir", os.MkdirAll(dir+name[:strings.LastIndex(name, "/")], 0o755))
		must("write", os.WriteFile(dir+name, []byte("ordinary\n"), 0o444))
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return unix.AT_FDCWD, name
	}),
	way("out-of-chroot-by-dirfd", Root|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		fd := r.Fixture("/proc/sys", unix.O_RDONLY)
		must("chroot", unix.Chroot(dir))
		must("chdir", unix.Chdir("/"))
		return fd, below(r)
	}),
	way("chroot-outside-cwd", Root|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		must("chdir", unix.Chdir("/proc/sys"))
		must("chroot", unix.Chroot(dir))
		return unix.AT_FDCWD, below(r)
	}),
	way("mount-namespace", Mounts|Own, func(r *Record) (int, string) {
		private()
		return unix.AT_FDCWD, r.Path("const")
	}),
	way("proc-mounted-elsewhere", Mounts|Own, func(r *Record) (int, string) {
		dir := newRoot(r)
		private()
		r.mount("proc", dir+"/proc", "proc", 0, "")
		return unix.AT_FDCWD, dir + r.Path("const")
	}),
	wayOut("proc-covered", Mounts|Own, func(r *Record) (int, string) {
		// What is mounted over /proc/sys hides the sysctls, served or not.
		private()
		r.mount("tmpfs", "/proc/sys", "tmpfs", 0, "")
		return unix.AT_FDCWD, r.Path("const")
	}),
	way("bound-file", Mounts|Own, func(r *Record) (int, string) {
		dir := r.Tmp()
		must("write", os.WriteFile(dir+"/file", nil, 0o600))
		private()
		r.mount("/proc/sys/kernel", dir, "", unix.MS_BIND, "")
		return unix.AT_FDCWD, dir + "/../../proc/sys/" + below(r)
	}),
	{
		Name: "way/pid-namespace", Calls: "clone openat", Needs: Mounts | Own,
		Run: func(r *Record) {
			for _, flags := range []string{"--pid", "--mount"} {
				r.Command("/usr/bin/unshare", flags, "--propagation", "unchanged", "--fork", "/bin/sh", "-c", "cat "+r.Path("const")+" /proc/self/root"+r.Path("const"))
			}
		},
	},
	{
		Name: "way/pid-namespace-fresh-proc", Calls: "clone openat", Needs: Mounts | Own,
		Run: func(r *Record) {
			r.Command("/usr/bin/unshare", "--pid", "--mount-proc", "--fork", "/bin/sh", "-c", "cat "+r.Path("const")+" /proc/self/root"+r.Path("const")+"; echo $$")
		},
		Takes: InnerPIDs,
	},
	{
		Name: "way/user-namespace", Calls: "clone openat", Needs: Own,
		Run: func(r *Record) {
			r.Command("/usr/bin/unshare", "--user", "--map-root-user", "/bin/sh", "-c", "cat "+r.Path("const")+"; [ -w "+r.Path("range")+" ]; echo writable $?")
		},
	},
	{
		Name: "way/thread", Calls: "openat newfstatat",
		Run: func(r *Record) {
			done := make(chan string)
			for range 4 {
				go func() {
					runtime.LockOSThread()
					defer runtime.UnlockOSThread()
					done <- r.Content(r.Path("const")) + r.Content("/proc/thread-self/root"+r.Path("const"))
				}()
			}
			for range 4 {
				r.Say("%s", <-done)
			}
		},
	},
	{
		// A thread can have a root and a working directory of its own.
		Name: "way/thread-own-cwd", Calls: "unshare chdir openat", Needs: Own,
		Run: func(r *Record) {
			done := make(chan string)
			go func() {
				// Not unlocked: the thread ends with the goroutine.
				runtime.LockOSThread()
				if err := unix.Unshare(unix.CLONE_FS); err != nil {
					done <- "unshare: " + Errno(err)
					return
				}
				_ = unix.Chdir(r.Path("keys"))
				done <- r.Content("maxkeys")
			}()
			r.Say("the thread: %s", <-done)
			r.Say("the others: %s", r.Content("maxkeys"))
		},
	},
	{
		Name: "way/vfork-child", Calls: "vfork openat",
		Run: func(r *Record) { r.Program("vfork", r.Path("const")) },
	},
	{
		Name: "way/raw-clone3", Calls: "clone3 openat",
		Run:   func(r *Record) { r.Program("clone3", r.Path("const")) },
		Takes: Clone3,
	},
	{
		Name: "way/raw-clone3-handlers", Calls: "clone3 openat",
		Run:   func(r *Record) { r.Program("clone3", r.Path("const"), "handlers") },
		Takes: ClearHandlers,
	},
}
