package shim

import (
	"encoding/binary"
	"path"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// getdents and getdents64 (getdents(2)) through directories that hold served names.
//
// A directory is the union of what is really there and what is served. The
// kernel lists its own entries first, with its own positions; when it comes to
// the end, the served names that it does not have follow, at positions from
// servedFrom on. The position is the open file's own, so that dup, fork, rewinddir
// and seekdir do what they always do. Under ptrace the tracee itself makes the
// calls that this takes; under user notification the supervisor makes them on
// the tracee's open file, which pidfd_getfd(2) shares.

func (w *Worker) getdents64(c *Call) Answer { return w.list(c) }
func (w *Worker) getdents(c *Call) Answer   { return w.list(c) }

// servedFrom is the position of the first served entry, and servedEnd is
// behind the last one. They fit the 31 bits that procfs allows; filesystems
// whose positions are hashes (ext4, kernfs) hit the range once in a million.
const (
	servedFrom = 1 << 30
	servedEnd  = servedFrom + 1<<12
)

// listing is the state of one getdents call: the directory's name in the tree, and
// what was handed out for it where it is a stand-in; what was asked of the kernel last,
// from which position it lists, and the count to return when a position has been stored.
type listing struct {
	name  string
	stand *handedOut
	step  listingStep
	from  int64
	count int64
}

type listingStep uint8

const (
	askPosition listingStep = iota
	askKernel
	storePosition
)

func (w *Worker) list(c *Call) Answer {
	fd := dirfdOf(c.Args[0])
	st, e := w.statDescriptor(c.TID, fd)
	if e != 0 || fd < 0 || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return Answer{}
	}
	h, handed := w.shim.handed.get(identityOf(st))
	if !handed && !w.shim.ground.Load().mayHold(st) && (!w.shim.passing.namespaces.Load() || w.sharesNamespace(c.TID)) {
		return Answer{}
	}
	name := ""
	if handed {
		name = h.name
	} else {
		name = w.directoryName(c, fd)
	}
	if name == "" || len(w.shim.tree.Children(name)) == 0 {
		return Answer{}
	}
	c.listing = listing{name: name, stand: h, step: askPosition}
	a := Answer{Kind: Finish, Nr: unix.SYS_LSEEK, Args: [6]uint64{c.Args[0], 0, unix.SEEK_CUR}}
	if c.Tracee.CanRewrite() {
		return a
	}
	return w.listShared(c, fd, a)
}

// directoryName finds the name in the tree of a directory that a tracee has open.
func (w *Worker) directoryName(c *Call, fd int) string {
	k := walker{w: w, c: c}
	defer k.release()
	var s spot
	if k.enter(append(w.descriptor(c.TID, fd), 0), &s) != nil {
		return ""
	}
	return s.name
}

// listShared makes the tracee's calls on its own open file.
func (w *Worker) listShared(c *Call, fd int, a Answer) Answer {
	own, err := w.shareDescriptor(c, fd)
	if err == unix.ESRCH {
		return Answer{} // it has ended
	}
	if err != nil {
		w.count.failed(lieListing)
		w.shim.log.Warn().Int("tid", c.TID).Err(err).Msg("cannot share a directory's position: it is listed without served names")
		return Answer{}
	}
	defer unix.Close(own)
	for a.Kind == Finish {
		var result int64
		if a.Data != nil && c.Tracee.WriteMemory(a.DataAt, a.Data) != nil {
			return Answer{Kind: Fail, Errno: unix.EFAULT}
		}
		switch a.Nr {
		case unix.SYS_LSEEK:
			result = asResult(unix.Seek(own, int64(a.Args[1]), int(a.Args[2])))
		default:
			buf := make([]byte, min(int(uint32(a.Args[2])), 1<<20))
			var n int
			if n, err = rawGetdents(a.Nr, own, buf); err == unix.Errno(0) {
				err = nil
			}
			if result = asResult(int64(n), err); result > 0 && c.Tracee.WriteMemory(c.Args[1], buf[:n]) != nil {
				_, _ = unix.Seek(own, c.listing.from, unix.SEEK_SET)
				result = -int64(unix.EFAULT)
			}
		}
		a = w.finishListing(c, result)
	}
	return a
}

func asResult(n int64, err error) int64 {
	if errno, ok := err.(unix.Errno); ok {
		return -int64(errno)
	}
	return n
}

// finishListing is [Worker.Finish] for getdents.
func (w *Worker) finishListing(c *Call, result int64) Answer {
	fd := dirfdOf(c.Args[0])
	switch c.listing.step {
	case askPosition:
		if result == servedEnd {
			return Answer{Kind: Return}
		}
		if result >= servedFrom && result < servedEnd {
			return w.listServed(c, fd, int(result-servedFrom))
		}
		if c.listing.stand != nil && result == 0 {
			return w.listServed(c, fd, 0) // the kernel has nothing to tell of a stand-in
		}
		c.listing.step, c.listing.from = askKernel, max(result, 0)
		return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args}
	case askKernel:
		// 0 is the end of the kernel's entries. A directory that only the tree has
		// is a removed one to the kernel: it gives ENOENT at once (old gVisor: EINVAL,
		// or "." and ".." where it is a tmpfs).
		removed := result == -int64(unix.ENOENT) || result == -int64(unix.EINVAL) && c.listing.stand != nil
		if result != 0 && !removed {
			return answerOf(result)
		}
		if !removed && c.listing.stand != nil {
			return w.listServed(c, fd, dots) // the kernel has listed those
		}
		return w.listServed(c, fd, 0)
	}
	if result < 0 {
		// Without a position there would be no end: better no served names.
		return Answer{Kind: Return}
	}
	return Answer{Kind: Return, Value: c.listing.count}
}

func answerOf(result int64) Answer {
	if result < 0 {
		return Answer{Kind: Fail, Errno: unix.Errno(-result)}
	}
	return Answer{Kind: Return, Value: result}
}

// listServed gives the served entries from index on, as many as fit.
func (w *Worker) listServed(c *Call, fd, index int) Answer {
	wide := c.Nr == unix.SYS_GETDENTS64
	entries := w.servedEntries(c, fd)
	size := int(min(uint64(uint32(c.Args[2])), 1<<16))
	buf := make([]byte, 0, size)
	next := index
	for ; next < len(entries); next++ {
		more := appendDirent(buf, &entries[next], uint64(servedFrom+next+1), wide)
		if len(more) > size {
			break
		}
		buf = more
	}
	switch {
	case index >= len(entries):
		return Answer{Kind: Return}
	case len(buf) == 0:
		return Answer{Kind: Fail, Errno: unix.EINVAL} // "result buffer is too small"
	}
	position := servedFrom + next
	if next == len(entries) {
		position = servedEnd // the next call need not look for more
	}
	c.listing.step, c.listing.count = storePosition, int64(len(buf))
	return Answer{
		Kind: Finish, Nr: unix.SYS_LSEEK, Args: [6]uint64{c.Args[0], uint64(position), unix.SEEK_SET},
		Data: buf, DataAt: c.Args[1],
	}
}

// servedEntries are the names that the kernel does not list in a directory
// itself. Of a directory that only the tree has these are all, with "." and ".."
// before the others.
func (w *Worker) servedEntries(c *Call, fd int) []fakefs.Entry {
	var out []fakefs.Entry
	h, name := c.listing.stand, c.listing.name
	if h != nil {
		above := &fakefs.Node{Mode: h.node.Mode, Ino: w.shim.attributesOf(h.node, path.Dir(name), w.rootFor(c)).ino}
		if n := w.shim.tree.Lookup(path.Dir(name)); n != nil && w.rootFor(c).lstat(path.Dir(name), &unix.Stat_t{}) != nil {
			above = n
		}
		out = append(out, fakefs.Entry{Name: ".", Node: h.node}, fakefs.Entry{Name: "..", Node: above})
	}
	for _, e := range w.shim.tree.Children(name) {
		if h == nil {
			own := append(append(w.descriptor(c.TID, fd), '/'), e.Name...)
			var st unix.Stat_t
			if fstatat(atFDCWD, append(own, 0), &st, unix.AT_SYMLINK_NOFOLLOW) == 0 {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}

// dots is how many entries "." and ".." are.
const dots = 2

// appendDirent appends one struct linux_dirent64, or the older struct
// linux_dirent whose d_type stands in its last byte (getdents(2)).
func appendDirent(buf []byte, e *fakefs.Entry, off uint64, wide bool) []byte {
	start := len(buf)
	fixed := 18
	if wide {
		fixed = 19
	}
	length := fixed + len(e.Name) + 1
	if !wide {
		length++
	}
	length = (length + 7) &^ 7
	buf = append(buf, make([]byte, length)...)
	d := buf[start:]
	binary.NativeEndian.PutUint64(d[0:], e.Node.Ino)
	binary.NativeEndian.PutUint64(d[8:], off)
	binary.NativeEndian.PutUint16(d[16:], uint16(length))
	kind := byte(modeOf(e.Node.Mode) >> 12)
	if wide {
		d[18] = kind
		copy(d[19:], e.Name)
	} else {
		copy(d[18:], e.Name)
		d[length-1] = kind
	}
	return buf
}

// word reads a 64-bit field of a structure in the tracee's memory.
func word(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }
