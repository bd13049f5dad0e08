package shim

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// pathMax is the kernel's PATH_MAX: a name and its NUL (linux/limits.h).
const pathMax = 4096

// readPath reads the name at addr into the worker's own copy, which is all
// that is looked at from here on. The result lies in w.path, is followed by a NUL
// there, and lives until the next readPath of another; while a call is at hand a name is
// read once. ok is false where the kernel has to say what
// is wrong: an address that cannot be read (EFAULT) or a name without an end
// within PATH_MAX (ENAMETOOLONG).
func (w *Worker) readPath(t Tracee, addr uint64) (name []byte, ok bool) {
	if addr == 0 {
		return nil, false
	}
	if w.renamed != "" {
		w.read, w.looked = nil, 0
		n := copy(w.path[:pathMax-1], w.renamed)
		w.path[n] = 0
		return w.path[:n], true
	}
	if name := w.ahead; name != nil && addr == w.aheadAt {
		w.ahead, w.read, w.readAt = nil, name, addr
		return name, true
	}
	if w.read != nil && addr == w.readAt && w.at.tid != 0 {
		return w.read, true
	}
	w.ahead, w.looked, w.read = nil, 0, nil
	// Most names are short: one read of 256 bytes, seldom a second one.
	for have, want := 0, 256; ; want = pathMax {
		n, err := t.ReadMemory(addr+uint64(have), w.path[have:want])
		if n > 0 {
			if end := bytes.IndexByte(w.path[have:have+n], 0); end >= 0 {
				w.read, w.readAt = w.path[:have+end], addr
				return w.read, true
			}
		}
		have += n
		if err != nil || have < want || want == pathMax {
			return nil, false
		}
	}
}

// dirName cuts the last component off: "a/b//" gives "a", "/a" gives "/", "a" gives ".".
func dirName(name []byte) []byte {
	name = bytes.TrimRight(name, "/")
	i := bytes.LastIndexByte(name, '/')
	if i < 0 {
		return dot
	}
	if d := bytes.TrimRight(name[:i], "/"); len(d) > 0 {
		return d
	}
	return name[:i+1]
}

var dot = []byte(".")

// firsts are the first components of all names that are served ("/proc"); nil
// where any name may be.
type firsts []string

func newFirsts(roots []string) (f firsts) {
	for _, root := range roots {
		if root == "/" {
			return nil
		}
		f = append(f, "/"+firstComponent(root))
	}
	return f
}

// may tells whether a clean name may be served, by little of its text.
func (f firsts) may(clean []byte) bool {
	for _, first := range f {
		if isBelow(clean, first) {
			return true
		}
	}
	return f == nil
}

// cleanLexically writes an absolute name without "//", "/./" and trailing
// slashes to dst. ok is false when there is a "..", which only a walk can
// follow, or when dst is too small.
func cleanLexically(dst, name []byte) (clean []byte, ok bool) {
	clean = dst[:0]
	for len(name) > 0 {
		var part []byte
		if i := bytes.IndexByte(name, '/'); i >= 0 {
			part, name = name[:i], name[i+1:]
		} else {
			part, name = name, nil
		}
		switch {
		case len(part) == 0, len(part) == 1 && part[0] == '.':
			continue
		case len(part) == 2 && part[0] == '.' && part[1] == '.':
			return nil, false
		case len(clean)+1+len(part) > cap(dst):
			return nil, false
		}
		clean = append(append(clean, '/'), part...)
	}
	if len(clean) == 0 {
		clean = append(clean, '/')
	}
	return clean, true
}

// wantsDirectory tells whether a name must lead to a directory: it ends in a
// slash, or in "." or "..".
func wantsDirectory(name []byte) bool {
	return bytes.HasSuffix(name, []byte("/")) ||
		bytes.Equal(name, dot) || bytes.HasSuffix(name, []byte("/.")) ||
		bytes.Equal(name, []byte("..")) || bytes.HasSuffix(name, []byte("/.."))
}

// dirfdOf reads a dirfd argument, an int in the low half of the register.
func dirfdOf(arg uint64) int { return int(int32(arg)) }

const atFDCWD = unix.AT_FDCWD
