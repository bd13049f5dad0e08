package shim

import (
	"os"
	"path/filepath"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"
)

// root is a tracee's root directory, by the name under which the supervisor finds it:
// "/proc/TID/root", or "" where it is the supervisor's own. What is said of a served
// name besides what the profile says (the mount that it stands in, the numbers of the
// kernel's own file) is asked there. Files of procfs are asked for in the supervisor's
// own, for by its numbers processes are known here.
type root string

// rootFor is the root of the thread that made a call.
func (w *Worker) rootFor(c *Call) root {
	if w.shim.passing.roots.Load() || w.shim.passing.namespaces.Load() {
		return root(w.ofTracee(c.TID, "root"))
	}
	return ""
}

// own tells whether a name means the same below this root as to the supervisor.
func (r root) own(name string) bool { return r == "" || isBelow([]byte(name), "/proc") }

// open opens what a name leads to. No link leads out of the root: openat2(2) sees to that,
// and on kernels without it (gVisor) the name is followed beforehand.
func (r root) open(name string, flags int) (int, error) {
	dir, err := unix.Open(string(r), unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: string(r), Err: err}
	}
	defer unix.Close(dir)
	how := unix.OpenHow{Flags: uint64(flags | unix.O_CLOEXEC), Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS}
	fd, err := unix.Openat2(dir, name, &how)
	if err == unix.ENOSYS {
		return r.openFollowed(name, flags)
	}
	if err != nil {
		return -1, &os.PathError{Op: "openat2", Path: name, Err: err}
	}
	return fd, nil
}

// openFollowed opens a name that has been followed below the root. Somebody who changes a
// link meanwhile has the supervisor look at another file, and tell its numbers.
func (r root) openFollowed(name string, flags int) (int, error) {
	above, last := filepath.Split(name)
	if flags&unix.O_NOFOLLOW == 0 {
		above, last = name, ""
	}
	path, err := securejoin.SecureJoin(string(r), above)
	if err != nil {
		return -1, err
	}
	path = filepath.Join(path, last)
	fd, err := unix.Open(path, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return fd, nil
}

// with calls f with the object that a name leads to; flags can have O_NOFOLLOW.
func (r root) with(name string, flags int, f func(fd int) error) error {
	fd, err := r.open(name, unix.O_PATH|flags)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}

// lstat is lstat(2).
func (r root) lstat(name string, st *unix.Stat_t) error {
	if r.own(name) {
		return unix.Lstat(name, st)
	}
	return r.with(name, unix.O_NOFOLLOW, func(fd int) error { return unix.Fstat(fd, st) })
}

// stat is stat(2).
func (r root) stat(name string, st *unix.Stat_t) error {
	if r.own(name) {
		return unix.Stat(name, st)
	}
	return r.with(name, 0, func(fd int) error { return unix.Fstat(fd, st) })
}

// statfs is statfs(2).
func (r root) statfs(name string, st *unix.Statfs_t) error {
	if r.own(name) {
		return unix.Statfs(name, st)
	}
	return r.with(name, 0, func(fd int) error { return unix.Fstatfs(fd, st) })
}

// statx is statx(2), of a link itself.
func (r root) statx(name string, mask int, st *unix.Statx_t) error {
	if r.own(name) {
		return unix.Statx(atFDCWD, name, unix.AT_SYMLINK_NOFOLLOW, mask, st)
	}
	return r.with(name, unix.O_NOFOLLOW, func(fd int) error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, mask, st) })
}
