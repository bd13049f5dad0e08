package shim

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errOutside is of a name that leads out of the tracee's root as the supervisor follows it.
const errOutside = unix.EXDEV

// isOrdinary is the one look-up that a call which is not ours pays: it tells whether what
// lies under a name is surely not ours. A relative name is looked up through the tracee's
// own descriptor or working directory.
//
// other is the tracee's root where that is not ours, nil else. An absolute link leads from
// the supervisor's root, which is found out by the name of what it leads to.
func (w *Worker) isOrdinary(c *Call, t *territory, other *otherRoot, dirfd int, name []byte, how lookup) bool {
	own := w.own[:0]
	switch {
	case name[0] != '/':
		if dirfd < 0 && dirfd != atFDCWD {
			return true // EBADF, says the kernel
		}
		if w.climbs(c, dirfd, name) {
			return false
		}
		own = w.throughTracee(c.TID, dirfd)
	case other != nil:
		if first := bytes.TrimLeft(name, "/"); bytes.HasPrefix(first, []byte("proc/")) || bytes.HasPrefix(first, []byte("dev/")) {
			return false // "self" and "fd" are the tracee's there
		}
		own = w.ofTracee(c.TID, "root")
	}
	if other != nil && (goesUp(name) || other.away && !w.expects(other, own, name)) {
		return false // no higher than its root
	}
	prefix := len(own)
	if trimmed := bytes.TrimRight(name, "/"); len(trimmed) < len(name) && len(trimmed) > 0 {
		name, how.nofollow = trimmed, false // a slash at the end follows a link
	}
	own = append(append(own, name...), 0)
	e, looked := unix.Errno(0), false
	if other == nil {
		e, looked = w.lookedAt(name)
	}
	if !looked {
		e = w.lookBelow(other, own, prefix, unix.AT_SYMLINK_NOFOLLOW)
	}
	if e == 0 && w.st.Mode&unix.S_IFMT == unix.S_IFLNK && !how.nofollow {
		if e = w.lookBelow(other, own, prefix, 0); e == unix.ENOENT {
			return false // it hangs for the kernel; what it names may be served
		}
	}
	if e == 0 {
		return !t.mayReplace(&w.st) && !w.inServedDirectory(&w.st)
	}
	// Unreadable folders, loops and names too long are the kernel's to refuse;
	// but what is missing in a served folder is not.
	for rest := name; e == unix.ENOENT || e == unix.ENOTDIR; {
		rest = dirName(rest)
		own = append(append(own[:prefix], rest...), 0)
		if e = w.lookBelow(other, own, prefix, 0); e == 0 {
			return !t.mayHold(&w.st) && !w.inServedDirectory(&w.st)
		}
		if len(rest) == 1 && (rest[0] == '.' || rest[0] == '/') {
			break
		}
		if e == unix.ENOENT && w.lookBelow(other, own, prefix, unix.AT_SYMLINK_NOFOLLOW) == 0 {
			return false // a hanging link in the middle
		}
	}
	return other == nil
}

// An otherRoot is a tracee's root that is not the supervisor's.
type otherRoot struct {
	// name is what the kernel calls it, in the tracee's mount namespace.
	name string
	// away tells that this is another one than the supervisor's. What is mounted there the
	// supervisor does not know: only objects of filesystems that hold files (territory.disks)
	// are told by what they are, and only those to which no link at all has led.
	away bool
	// folder is, there, what the kernel calls the folder from which a name leads, and
	// inside what the tracee calls what the name leads to.
	folder, inside []byte
}

// expects notes from which folder a name leads, by the way that the supervisor takes there.
// It is false for names where something is served: the kernel has no object there by which
// the tracee's would be known.
func (w *Worker) expects(other *otherRoot, own, name []byte) bool {
	switch {
	case name[0] == '/' && other.name == "/":
		other.folder = other.folder[:0]
	case name[0] == '/':
		other.folder = append(other.folder[:0], other.name...)
	default:
		last := len(own) - 1 // a slash
		own[last] = 0
		n, e := readlinkat(atFDCWD, own, w.link[:])
		own[last] = '/'
		if e != 0 || n == 0 || w.link[0] != '/' {
			return false
		}
		other.folder = append(other.folder[:0], bytes.TrimRight(w.link[:n], "/")...)
	}
	above, ok := bytes.CutPrefix(other.folder, []byte(strings.TrimRight(other.name, "/")))
	if !ok || len(above) > 0 && above[0] != '/' {
		return false
	}
	other.inside = appendParts(append(other.inside[:0], above...), name)
	for _, root := range w.shim.roots {
		if below, ok := strings.CutPrefix(root, string(other.inside)); root == "/" || isBelow(other.inside, root) || ok && (below == "" || below[0] == '/') {
			return false
		}
	}
	return true
}

// appendParts appends the components of a name to that of a folder, each with a slash before it.
func appendParts(folder, name []byte) []byte {
	for part := range bytes.SplitSeq(name, []byte("/")) {
		if len(part) > 0 && string(part) != "." {
			folder = append(append(folder, '/'), part...)
		}
	}
	return folder
}

// holds tells whether an object that the kernel calls so is what was meant by what
// follows the prefix in a name of the supervisor's.
func (r *otherRoot) holds(text, own []byte, prefix int) bool {
	if !r.away {
		return isBelow(text, r.name)
	}
	rest, ok := bytes.CutPrefix(text, r.folder)
	for part := range bytes.SplitSeq(own[prefix:len(own)-1], []byte("/")) {
		if len(part) == 0 || string(part) == "." {
			continue
		}
		if rest, ok = bytes.CutPrefix(rest, []byte("/")); ok {
			rest, ok = bytes.CutPrefix(rest, part)
		}
		if !ok {
			return false
		}
	}
	return ok && (len(rest) == 0 || string(rest) == "/")
}

// lookBelow is fstatat(2) into w.st, of what is below the tracee's root.
func (w *Worker) lookBelow(other *otherRoot, own []byte, prefix, flags int) unix.Errno {
	if other == nil {
		return fstatat(atFDCWD, own, &w.st, flags)
	}
	open := unix.O_PATH | unix.O_CLOEXEC
	if flags&unix.AT_SYMLINK_NOFOLLOW != 0 {
		open |= unix.O_NOFOLLOW
	}
	fd, e := openat(atFDCWD, own, open)
	if e != 0 {
		return e
	}
	defer unix.Close(fd)
	n, e := readlinkat(atFDCWD, append(strconv.AppendInt(append(w.fd[:0], "/proc/self/fd/"...), int64(fd), 10), 0), w.link[:])
	switch {
	case e != 0:
		return e
	case !other.holds(w.link[:n], own, prefix):
		return errOutside
	}
	if fstat(fd, &w.st) != 0 || other.away && !w.holdsFiles(fd) {
		return errOutside
	}
	return 0
}

// holdsFiles tells whether an object is of a filesystem that holds files, and nothing of
// the kernel's own.
func (w *Worker) holdsFiles(fd int) bool {
	if slices.Contains(w.shim.ground.Load().disks, uint64(w.st.Dev)) {
		return true
	}
	var fs unix.Statfs_t
	if unix.Fstatfs(fd, &fs) != nil { // not so in old gVisor, of a descriptor of this kind
		return false
	}
	switch int64(fs.Type) {
	case unix.TMPFS_MAGIC, unix.V9FS_MAGIC, unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	}
	return false
}
