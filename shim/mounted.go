package shim

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
)

// What is in a mount of the table, as the calls tell it that open files, tell
// attributes, sizes and directories.

// openMounted opens what a name leads to through the table.
func (w *Worker) openMounted(c *Call, dirfd int, name []byte, flags int, mode uint32) (Answer, bool) {
	t := w.shim.virtual.table
	const creating = unix.O_CREAT | unix.O_EXCL
	writes := flags&unix.O_PATH == 0 && (flags&unix.O_ACCMODE != unix.O_RDONLY || flags&(unix.O_TRUNC|unix.O_CREAT) != 0)
	if w.renamed != "" || !t.Redirects() && !(writes && t.ReadOnly()) || w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return Answer{}, false
	}
	l, ok := w.reaches(c, dirfd, name, flags&unix.O_NOFOLLOW != 0 || flags&creating == creating)
	if !ok {
		return Answer{}, false
	}
	fail := func(errno unix.Errno) (Answer, bool) {
		w.count.node(lieMounts)
		return Answer{Kind: Fail, Errno: errno}, true
	}
	kind := uint32(0)
	if l.exists && fstatat(atFDCWD, append([]byte(l.real), 0), &w.st, unix.AT_SYMLINK_NOFOLLOW) == 0 {
		kind = w.st.Mode & unix.S_IFMT
		if l.real == networkFile {
			kind = unix.S_IFREG // what it is a link to
		}
	}
	if writes && w.frozen(l.mount) {
		switch {
		case !l.exists && !l.broken && l.errno == unix.ENOENT && flags&unix.O_CREAT != 0:
			return fail(unix.EROFS)
		case !l.exists || flags&creating == creating:
		case kind == unix.S_IFREG && (flags&unix.O_ACCMODE != unix.O_RDONLY || flags&unix.O_TRUNC != 0):
			return fail(unix.EROFS)
		}
	}
	if !l.redirected {
		return Answer{}, false
	}
	if a, ours := w.servedAt(c, l.place()); ours {
		return a, true
	}
	if l.broken || l.errno != 0 && l.errno != unix.ENOENT {
		return fail(l.errno)
	}
	if kind == unix.S_IFDIR && flags&(unix.O_CREAT|unix.O_EXCL) == unix.O_CREAT && flags&unix.O_PATH == 0 {
		return fail(unix.EISDIR)
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}, false
	}
	how := flags | unix.O_CLOEXEC | unix.O_NOCTTY
	if kind != 0 && kind != unix.S_IFREG && kind != unix.S_IFDIR {
		// To open a pipe can take for ever, and a device can be opened once
		// only: that is done once, by or for the tracee.
		how = unix.O_PATH | unix.O_CLOEXEC | flags&(unix.O_NOFOLLOW|unix.O_DIRECTORY)
	}
	fd, errno := -1, unix.Errno(0)
	if !w.shim.as(&who, func() {
		var err error
		if fd, err = unix.Open(l.real, how, mode&^who.umask); err != nil {
			errno, _ = err.(unix.Errno)
		} else if how&unix.O_PATH != 0 && flags&unix.O_PATH == 0 {
			errno = mayAccess("/proc/self/fd/"+itoa(fd), wanted(flags))
		} else if !l.exists && flags&unix.O_CREAT != 0 {
			_ = unix.Fchmod(fd, mode&0o7777&^who.umask)
		}
	}) {
		return Answer{}, false
	}
	if errno != 0 {
		if fd >= 0 {
			unix.Close(fd)
		}
		return fail(errno)
	}
	w.count.node(lieMounts)
	kept := flags &^ (unix.O_CREAT | unix.O_EXCL | unix.O_TRUNC | unix.O_NOFOLLOW)
	if flags&unix.O_TMPFILE == unix.O_TMPFILE {
		kept &^= unix.O_TMPFILE
	}
	itself := how&unix.O_PATH != 0
	return Answer{Kind: Install, FD: raise(fd), CloseFD: true, Opened: !itself, Itself: itself, Flags: kept}, true
}

// chdirMounted enters a directory through the table.
func (w *Worker) chdirMounted(c *Call) (Answer, bool) {
	if t := w.shim.virtual.table; t == nil || w.renamed != "" || !t.Redirects() {
		return Answer{}, false
	}
	l, ok := w.ledBy(c, -1, 0, false, w.reaches)
	if !ok || !l.redirected {
		w.entered(c.TID, cwd{})
		return Answer{}, false
	}
	if a, ours := w.servedAt(c, l.place()); ours {
		w.entered(c.TID, cwd{})
		return a, true
	}
	if l.errno != 0 {
		return Answer{Kind: Fail, Errno: l.errno}, true
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}, false
	}
	fd, errno := -1, unix.Errno(0)
	if !w.shim.as(&who, func() {
		if fd, errno = openat(atFDCWD, append([]byte(l.real), 0), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC); errno == 0 {
			errno = fstatat(fd, []byte(".\x00"), &w.st, 0) // may it be searched?
			if errno != 0 {
				unix.Close(fd)
			}
		}
	}) {
		return Answer{}, false
	}
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}, true
	}
	w.count.node(lieMounts)
	w.entered(c.TID, cwd{l.logical, l.real})
	return Answer{Kind: EnterDirectory, FD: raise(fd), CloseFD: true, Itself: true}, true
}

// mountedObject finds the object that a stat-like call is about, where the
// table has something to say of it: own is its name for the supervisor.
func (w *Worker) mountedObject(c *Call, dirfd int, addr uint64, flags int) (own string, m *mounts.Mount, root bool, errno unix.Errno, ok bool) {
	t := w.shim.virtual.table
	if t == nil || !t.Virtual() || w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return
	}
	name := []byte(nil)
	if addr != 0 {
		var read bool
		if name, read = w.readPath(c.Tracee, addr); !read {
			return
		}
	}
	if len(name) == 0 {
		if flags&unix.AT_EMPTY_PATH == 0 || dirfd < 0 && dirfd != atFDCWD {
			return
		}
		if st, e := w.statDescriptor(c.TID, dirfd); e != 0 || !w.shim.virtual.concerns(st) {
			return
		}
		link := w.descriptor(c.TID, dirfd)
		if dirfd == atFDCWD {
			link = w.ofTracee(c.TID, "cwd")
		}
		own = string(link)
		n, e := readlinkat(atFDCWD, append(link, 0), w.link[:])
		if e != 0 || n == 0 || w.link[0] != '/' {
			return own, nil, false, 0, false
		}
		place := string(w.link[:n])
		if m = t.Holder(place); m == nil {
			m, _ = t.Find(place)
		}
		return own, m, m.Point == place || m.Super.Tmpfs != nil && place == m.Super.Backing, 0, !m.Kernel
	}
	l, led := w.reaches(c, dirfd, name, flags&unix.AT_SYMLINK_NOFOLLOW != 0)
	if !led || l.mount.Kernel && !l.redirected {
		if led && l.exists {
			if m := t.Holder(l.real); m != nil {
				return l.real, m, l.real == m.Super.Backing, 0, true
			}
		}
		return "", nil, false, 0, false
	}
	if !l.exists {
		return l.place(), nil, false, l.errno, l.redirected
	}
	return l.real, l.mount, l.logical == l.mount.Point, 0, true
}

// statMounted tells the attributes of what lies in a mount of the table.
func (w *Worker) statMounted(c *Call, dirfd int, addr, out uint64, flags int) (Answer, bool) {
	t := w.shim.virtual.table
	if t == nil || w.renamed != "" || !t.Redirects() && !t.HasTmpfs() {
		return Answer{}, false
	}
	own, m, _, errno, ok := w.mountedObject(c, dirfd, addr, flags)
	// What is named by its descriptor was handed out, or is not served.
	if ok && !isBelow([]byte(own), "/proc/"+itoa(c.TID)) {
		if a, ours := w.servedAt(c, own); ours {
			return a, true
		}
	}
	if !ok || errno == 0 && m.Super.Tmpfs == nil && !m.Redirects() {
		return Answer{}, false
	}
	if errno == 0 {
		if own == networkFile {
			flags &^= unix.AT_SYMLINK_NOFOLLOW // the file is mounted, and not the link to it
		}
		if addr == 0 || own[:min(6, len(own))] == "/proc/" && flags&unix.AT_EMPTY_PATH != 0 {
			flags &^= unix.AT_SYMLINK_NOFOLLOW
		}
		_, errno = w.asCaller(c, func() (int, unix.Errno) {
			return -1, fstatat(atFDCWD, append([]byte(own), 0), &w.st, flags&unix.AT_SYMLINK_NOFOLLOW)
		})
	}
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}, true
	}
	if m.Super.Tmpfs != nil {
		set(&w.st.Dev, m.Dev())
	}
	w.count.node(lieMounts)
	return w.give(c, target{}, out, bytesOf(&w.st)), true
}

// statxMounted does the same for statx(2).
func (w *Worker) statxMounted(c *Call, flags int) (Answer, bool) {
	if w.renamed != "" {
		return Answer{}, false
	}
	own, m, root, errno, ok := w.mountedObject(c, dirfdOf(c.Args[0]), c.Args[1], flags)
	if !ok || errno == 0 && m.Super.Tmpfs == nil && !m.Redirects() && !w.shim.virtual.tellsRoots {
		return Answer{}, false
	}
	var st unix.Statx_t
	if errno == 0 {
		how := flags &^ (unix.AT_EMPTY_PATH | unix.AT_NO_AUTOMOUNT)
		if own == networkFile {
			how &^= unix.AT_SYMLINK_NOFOLLOW
		}
		_, errno = w.asCaller(c, func() (int, unix.Errno) {
			err := unix.Statx(atFDCWD, own, how, int(uint32(c.Args[3])), &st)
			e, _ := err.(unix.Errno)
			return -1, e
		})
	}
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}, true
	}
	if m.Super.Tmpfs != nil {
		st.Dev_major, st.Dev_minor = m.Super.Major, m.Super.Minor
	}
	if st.Mask&(unix.STATX_MNT_ID|statxMntIDUnique) != 0 {
		st.Mnt_id = uint64(m.ID)
	}
	if st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		st.Attributes &^= unix.STATX_ATTR_MOUNT_ROOT
		if root {
			st.Attributes |= unix.STATX_ATTR_MOUNT_ROOT
		}
	}
	w.count.node(lieMounts)
	return w.give(c, target{}, c.Args[4], bytesOf(&st)), true
}

// statfsMounted tells the filesystem of a name, or with addr 0 of a descriptor.
func (w *Worker) statfsMounted(c *Call, fd int, addr, out uint64) (Answer, bool) {
	flags := 0
	if addr == 0 {
		flags = unix.AT_EMPTY_PATH
	}
	if w.renamed != "" {
		return Answer{}, false
	}
	own, m, _, errno, ok := w.mountedObject(c, fd, addr, flags)
	if !ok {
		return Answer{}, false
	}
	if addr != 0 {
		if a, ours := w.askAt(own, func() Answer { return w.statfsServed(c, []byte(own)) }); ours {
			return a, true
		}
	}
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}, true
	}
	_, errno = w.asCaller(c, func() (int, unix.Errno) {
		e := statfs(append([]byte(own), 0), &w.fs)
		if e == unix.ENOSYS && w.shim.quirks.statfsENOSYS {
			e = w.statfsAbove([]byte(own))
		}
		return -1, e
	})
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}, true
	}
	if m.Super.Tmpfs != nil {
		w.fillTmpfs(m)
	}
	set(&w.fs.Flags, mountStatus(m, uint64(w.fs.Flags)))
	w.count.node(lieMounts)
	return w.tellFilesystem(c, out, true), true
}

// fillTmpfs is shmem_statfs of mm/shmem.c.
func (w *Worker) fillTmpfs(m *mounts.Mount) {
	o, v := m.Super.Tmpfs, &w.shim.virtual
	w.fs = unix.Statfs_t{Bsize: 4096, Frsize: 4096, Namelen: 255}
	set(&w.fs.Type, unix.TMPFS_MAGIC)
	v.mu.Lock()
	f := v.folders[m.Super.Minor]
	v.mu.Unlock()
	var bytes, files uint64
	if f != nil {
		bytes, files = f.used()
	}
	if o.Size > 0 {
		w.fs.Blocks = o.Size / 4096
		w.fs.Bfree = w.fs.Blocks - min(bytes/4096, w.fs.Blocks)
		w.fs.Bavail = w.fs.Bfree
	}
	if o.Inodes > 0 {
		w.fs.Files = o.Inodes
		w.fs.Ffree = o.Inodes - min(files, o.Inodes)
	}
}

// mountStatus is f_flags (statfs(2)): ST_VALID and the mount's flags, whose
// numbers are those of mount(2) but for the access times.
func mountStatus(m *mounts.Mount, had uint64) uint64 {
	const stValid, stRelatime = 0x20, 0x1000
	flags := uint64(m.Flags & (unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_NODIRATIME))
	if m.Flags&unix.MS_RELATIME != 0 {
		flags |= stRelatime
	}
	if m.ReadOnly() {
		flags |= unix.MS_RDONLY
	}
	return flags | stValid
}
