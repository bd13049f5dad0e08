package shim

import (
	"encoding/binary"
	"path"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// getdents and getdents64 (getdents(2)) through directories that hold served names.
//
// A directory is the union of what is really there and what is served. The
// kernel lists its own entries first, with its own positions; when it comes to
// the end, the served names that it does not have follow. Under ptrace the
// kernel's part is the tracee's own call, looked at when it is finished; under
// user notification the supervisor makes it on the tracee's open file, which
// pidfd_getfd(2) shares together with its position.

func (w *Worker) getdents64(c *Call) Answer { return w.list(c, true) }
func (w *Worker) getdents(c *Call) Answer   { return w.list(c, false) }

// listing is how far a process has come in the served part of a directory.
type listing struct {
	entries []fakefs.Entry
	next    int
}

type listingKey struct{ tid, fd int }

type listings struct {
	mu sync.Mutex
	at map[listingKey]*listing
}

func (w *Worker) list(c *Call, wide bool) Answer {
	fd := dirfdOf(c.Args[0])
	st, e := w.statDescriptor(c.TID, fd)
	if e != 0 || fd < 0 || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		return Answer{}
	}
	h, handed := w.shim.handed.get(identityOf(st))
	if !handed && !w.shim.ground.Load().mayHold(st) {
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
	if c.Tracee.CanRewrite() {
		return Answer{Kind: Finish}
	}
	return w.listShared(c, fd, wide)
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

// listShared makes the tracee's call on its own open file.
func (w *Worker) listShared(c *Call, fd int, wide bool) Answer {
	who, err := statusOf(c.TID)
	if err != nil {
		return Answer{}
	}
	pidfd, err := unix.PidfdOpen(who.tgid, 0)
	if err != nil {
		return Answer{}
	}
	defer unix.Close(pidfd)
	own, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		w.shim.log.Warn().Int("tid", c.TID).Err(err).Msg("cannot share a directory's position: it is listed without served names")
		return Answer{}
	}
	defer unix.Close(own)
	if !c.Tracee.Valid() {
		return Answer{}
	}
	size := min(int(uint32(c.Args[2])), 1<<20)
	buf := make([]byte, max(size, 1))
	trap := unix.SYS_GETDENTS64
	if !wide {
		trap = sysGetdents
	}
	n, e := rawGetdents(trap, own, buf[:size])
	result := int64(n)
	if e != 0 {
		result = -int64(e)
	}
	if n > 0 && e == 0 {
		if err := c.Tracee.WriteMemory(c.Args[1], buf[:n]); err != nil {
			return unwritable(err)
		}
	}
	if result = w.Finish(c, result); result < 0 {
		return Answer{Kind: Fail, Errno: unix.Errno(-result)}
	}
	return Answer{Kind: Return, Value: result}
}

// Finish looks at a call that the kernel has done, and returns the result for
// the tracee: a count, or -errno. Backends call it for a [Finish] answer.
func (w *Worker) Finish(c *Call, result int64) int64 {
	wide := c.Nr == unix.SYS_GETDENTS64
	fd := dirfdOf(c.Args[0])
	key := listingKey{c.TID, fd}
	l := &w.shim.listings
	l.mu.Lock()
	defer l.mu.Unlock()
	if result > 0 {
		delete(l.at, key) // the kernel's own entries: from the start, or again after a rewind
		return result
	}
	// 0 is the end of the kernel's entries. A directory that only the tree has
	// is a removed one to the kernel: it gives ENOENT at once (old gVisor: EINVAL,
	// or "." and ".." where it is a tmpfs).
	removed := result == -int64(unix.ENOENT) || result == -int64(unix.EINVAL) && w.handedTo(c, fd) != nil
	if result != 0 && !removed {
		return result
	}
	at := l.at[key]
	if at == nil {
		at = &listing{entries: w.servedEntries(c, fd, removed)}
		if l.at == nil || len(l.at) > 1024 {
			l.at = map[listingKey]*listing{} // those who stopped in the middle
		}
		l.at[key] = at
	}
	if at.next >= len(at.entries) {
		delete(l.at, key)
		return 0
	}
	size := int(min(c.Args[2], 1<<16))
	buf := make([]byte, 0, size)
	for ; at.next < len(at.entries); at.next++ {
		e := &at.entries[at.next]
		next := appendDirent(buf, e, uint64(1<<30+at.next), wide)
		if len(next) > size {
			break
		}
		buf = next
	}
	if len(buf) == 0 {
		return -int64(unix.EINVAL) // "result buffer is too small"
	}
	if err := c.Tracee.WriteMemory(c.Args[1], buf); err != nil {
		return -int64(unix.EFAULT)
	}
	return int64(len(buf))
}

// servedEntries are the names that the kernel does not list in a directory
// itself, and "." and ".." as well where it lists nothing.
func (w *Worker) servedEntries(c *Call, fd int, removed bool) []fakefs.Entry {
	var out []fakefs.Entry
	h := w.handedTo(c, fd)
	var name string
	if h != nil {
		name = h.name
		above := w.shim.tree.Lookup(path.Dir(name))
		if above == nil {
			above = &fakefs.Node{Mode: h.node.Mode, Ino: 1}
		}
		if removed {
			out = append(out, fakefs.Entry{Name: ".", Node: h.node}, fakefs.Entry{Name: "..", Node: above})
		}
	} else {
		name = w.directoryName(c, fd)
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
