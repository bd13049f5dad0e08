package shim

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
)

func itoa(n int) string { return strconv.Itoa(n) }

// led is where a name leads in the mount table.
type led struct {
	mount *mounts.Mount
	// logical is the name without links as the mount namespace has it, real
	// the one under which the kernel has the object. The last component may not exist.
	logical, real string
	exists        bool
	// whole tells that these are what the name leads to, there or not: it did not end at
	// something that may not be passed, or is no folder.
	whole bool
	// broken tells that a folder in the middle does not exist.
	broken bool
	// redirected tells that the kernel would not get there by itself.
	redirected bool
	errno      unix.Errno // why it does not exist
	mode       uint32     // its type, where asked for
}

// place is where the name leads, "" where it does not come to its end.
func (l *led) place() string {
	if !l.whole {
		return ""
	}
	return l.real
}

// leadThrough follows a name for the tracee. The kernel is asked first where
// it gets: it knows the tracee's root, descriptors and links. A mount that
// leads elsewhere stands on a folder that the kernel has, so that what it finds
// there, or how far it comes, tells whether the name passes one. From there on
// the name is followed here.
//
// ok is false where the supervisor may not look: then the kernel answers.
func (w *Worker) leadThrough(c *Call, dirfd int, name []byte, nofollow bool) (l led, ok bool) {
	if name[len(name)-1] == '/' {
		nofollow = false
	}
	t := w.shim.virtual.table
	if name[0] != '/' && dirfd == atFDCWD && t.Redirects() {
		if cwd, ok := w.cwdOf(c.TID); ok {
			return w.walkMounts(c, cwd, string(name), nofollow), true
		}
	}
	if w.isChrooted(c.TID) {
		// The kernel would follow links to the supervisor's root.
		from, ok := w.startOf(c, dirfd, name)
		if !ok {
			return led{}, false
		}
		return w.walkMounts(c, from, string(name), nofollow), true
	}
	kernel, rest, errno, ok := w.locate(c, dirfd, name, nofollow)
	if !ok {
		return led{errno: errno}, false
	}
	m, _ := t.Find(kernel)
	if !m.Redirects() {
		l = led{mount: m, logical: path.Join(kernel, rest), exists: errno == 0, errno: errno, broken: strings.Contains(rest, "/")}
		l.whole = errno == 0 || errno == unix.ENOENT
		l.real = l.logical
		return l, true
	}
	var who search
	if name[0] == '/' && !w.maySearchTo(c, &who, m.Point) {
		return led{mount: m, logical: kernel, real: kernel, redirected: true, broken: true, errno: unix.EACCES}, true
	}
	return w.walkMounts(c, m.Point, kernel[len(m.Point):]+"/"+rest, nofollow), true
}

// startOf is the folder that a name starts from, as the supervisor names it.
func (w *Worker) startOf(c *Call, dirfd int, name []byte) (string, bool) {
	link := w.descriptor(c.TID, dirfd)
	switch {
	case name[0] == '/':
		root, _ := w.rootOf(c.TID)
		return root, true
	case dirfd == atFDCWD:
		link = w.ofTracee(c.TID, "cwd")
	case dirfd < 0:
		return "", false
	}
	n, e := readlinkat(atFDCWD, append(link, 0), w.link[:])
	if e != 0 || n == 0 || w.link[0] != '/' {
		return "", false
	}
	return string(w.link[:n]), true
}

// maySearchTo tells whether the tracee may pass through the folders above a place.
func (w *Worker) maySearchTo(c *Call, who *search, place string) bool {
	for dir := path.Dir(place); ; dir = path.Dir(dir) {
		var st unix.Stat_t
		if _, real := w.shim.virtual.table.Find(dir); unix.Stat(real, &st) != nil || !who.may(w, c, &st) {
			return false
		}
		if dir == "/" {
			return true
		}
	}
}

// reaches leads a name as leadThrough does, after one look-up that tells of
// nearly all names that no mount of the table is concerned.
func (w *Worker) reaches(c *Call, dirfd int, name []byte, nofollow bool) (led, bool) {
	if !w.isChrooted(c.TID) && !w.mayConcern(c, dirfd, name, nofollow) {
		return led{}, false
	}
	l, ok := w.leadThrough(c, dirfd, name, nofollow)
	if ok && l.mount != nil && !l.mount.Kernel && w.shim.virtual.closes(l.mount.Point, func() string { root, _ := w.rootOf(c.TID); return root }) {
		return led{}, false
	}
	return l, ok
}

// mayConcern is that look-up.
func (w *Worker) mayConcern(c *Call, dirfd int, name []byte, nofollow bool) bool {
	own := w.asTracee(c, dirfd, name)
	if own == "" {
		return false
	}
	var st unix.Stat_t
	e := unix.Errno(0)
	text := append([]byte(own), 0)
	if name[len(name)-1] == '/' {
		e = fstatat(atFDCWD, text, &st, 0)
	} else {
		e = fstatat(atFDCWD, text, &st, unix.AT_SYMLINK_NOFOLLOW)
		if strings.HasSuffix(own, string(name)) { // else it speaks of the reader itself
			w.keepLook(name, &st, e)
		}
		if e == 0 && st.Mode&unix.S_IFMT == unix.S_IFLNK && !nofollow {
			e = fstatat(atFDCWD, text, &st, 0)
		}
	}
	if e != 0 {
		// The kernel lacks it, or may not be asked. Below a file there is nothing.
		return w.shim.virtual.leads.Load() || w.shim.virtual.table.ReadOnly()
	}
	return w.shim.virtual.concerns(&st) || w.inMount(c, dirfd, name)
}

// inMount tells whether a relative name starts in a directory that was entered
// through the table.
func (w *Worker) inMount(c *Call, dirfd int, name []byte) bool {
	if name[0] == '/' || dirfd != atFDCWD {
		return false
	}
	_, ok := w.cwdOf(c.TID)
	return ok
}

// locate asks the kernel for the object under a name, or the nearest one above
// it that exists, and what is left of the name below that.
func (w *Worker) locate(c *Call, dirfd int, name []byte, nofollow bool) (kernel, rest string, errno unix.Errno, ok bool) {
	own := w.asTracee(c, dirfd, name)
	if own == "" {
		return "", "", 0, false
	}
	root, _ := w.rootOf(c.TID)
	for range maxLinks * 4 {
		flags := unix.O_PATH | unix.O_CLOEXEC
		if nofollow && rest == "" {
			flags |= unix.O_NOFOLLOW
			own = strings.TrimRight(own, "/")
		}
		fd, e := openat(atFDCWD, append([]byte(own), 0), flags)
		if e == 0 {
			kernel = w.kernelName(fd)
			unix.Close(fd)
			return kernel, rest, errno, strings.HasPrefix(kernel, "/")
		}
		if errno == 0 {
			errno = e
		}
		if e != unix.ENOENT && e != unix.ENOTDIR {
			return "", "", e, false
		}
		dir, last := path.Split(strings.TrimRight(own, "/"))
		if last == "" || dir == "" {
			return "", "", e, false
		}
		if to, hangs := w.hangingLink(own); hangs && e == unix.ENOENT && !(nofollow && rest == "") {
			if path.IsAbs(to) {
				own = path.Join(root, to)
			} else {
				own = dir + to
			}
			errno = 0
			continue
		}
		own = dir
		rest = strings.TrimSuffix(last+"/"+rest, "/")
	}
	return "", "", unix.ELOOP, false
}

func (w *Worker) hangingLink(name string) (string, bool) {
	n, e := readlinkat(atFDCWD, append([]byte(strings.TrimRight(name, "/")), 0), w.link[:])
	return string(w.link[:max(n, 0)]), e == 0
}

// kernelName is how the kernel names an open object.
func (w *Worker) kernelName(fd int) string {
	n, e := readlinkat(atFDCWD, append([]byte("/proc/self/fd/"+itoa(fd)), 0), w.link[:])
	if e != 0 {
		return ""
	}
	return string(w.link[:n])
}

// asTracee writes a tracee's name so that it means the same to the supervisor.
func (w *Worker) asTracee(c *Call, dirfd int, name []byte) string {
	clean, ok := cleanLexically(w.clean[:0], name)
	switch {
	case name[0] != '/' && w.climbs(c, dirfd, name):
		return "" // what is above is not the table's
	case name[0] != '/' && dirfd == atFDCWD:
		return string(w.ofTracee(c.TID, "cwd/")) + string(name)
	case name[0] != '/' && dirfd < 0:
		return ""
	case name[0] != '/':
		return string(w.descriptor(c.TID, dirfd)) + "/" + string(name)
	case ok && w.shim.passing.roots.Load() && (isBelow(clean, "/proc/self") || isBelow(clean, "/proc/thread-self")):
		end := strings.IndexByte(string(clean[len("/proc/"):])+"/", '/') + len("/proc/")
		own, _ := w.ownName(string(clean[:end]), c.TID)
		return string(w.ofTracee(c.TID, "root/proc/")) + own + string(clean[end:])
	case ok && isBelow(clean, "/proc/self"):
		return string(w.ofTracee(c.TID, "")) + string(clean[len("/proc/self"):])
	case ok && isBelow(clean, "/proc/thread-self"):
		return string(w.ofTracee(c.TID, "")) + string(clean[len("/proc/thread-self"):])
	case ok && isBelow(clean, "/dev/fd"):
		return string(w.ofTracee(c.TID, "fd")) + string(clean[len("/dev/fd"):])
	case w.shim.passing.namespaces.Load() || w.isChrooted(c.TID):
		return string(w.ofTracee(c.TID, "root")) + string(name)
	}
	return string(name)
}

// walkMounts follows a name from a place that it has reached, through links and
// further mounts, as path_resolution(7) describes.
func (w *Worker) walkMounts(c *Call, at, rest string, nofollow bool) led {
	root, _ := w.rootOf(c.TID)
	t := w.shim.virtual.table
	links := 0
	parts := strings.Split(rest, "/")
	begin, _ := t.Find(at)
	l := led{logical: at, exists: true, whole: true, redirected: begin.Redirects()}
	var who search
	finish := func(errno unix.Errno) led {
		l.errno = errno
		l.exists = l.exists && errno == 0
		l.whole = l.whole && (errno == 0 || errno == unix.ENOENT)
		l.mount, l.real = t.Find(l.logical)
		return l
	}
	for i := 0; i < len(parts); i++ {
		part := parts[i]
		switch {
		case part == "" || part == ".":
			continue
		case !l.exists:
			// What only the tree has is found under the whole name.
			l.broken, l.whole = true, !slices.Contains(parts[i:], "..")
			if l.whole {
				l.logical = path.Join(l.logical, path.Join(parts[i:]...))
			}
			return finish(unix.ENOENT)
		case part == "..":
			if l.logical != root {
				l.logical = path.Dir(l.logical)
			}
			continue
		}
		here := l.logical
		var st unix.Stat_t
		if _, real := t.Find(here); fstatat(atFDCWD, append([]byte(real), 0), &st, 0) == 0 &&
			st.Mode&unix.S_IFMT == unix.S_IFDIR && !who.may(w, c, &st) {
			return finish(unix.EACCES)
		}
		l.logical = path.Join(here, part)
		m, real := t.Find(l.logical)
		l.redirected = l.redirected || m.Redirects()
		last := strings.Join(parts[i+1:], "") == ""
		if own, is := w.ownName(real, c.TID); is && !(last && nofollow) {
			// A link that says something else to everybody who reads it.
			l.logical = path.Join(here, own)
			_, real = t.Find(l.logical)
		}
		switch e := fstatat(atFDCWD, append([]byte(real), 0), &st, unix.AT_SYMLINK_NOFOLLOW); e {
		case 0:
		case unix.ENOENT:
			l.exists, l.errno = false, unix.ENOENT
			continue
		default:
			return finish(e)
		}
		if st.Mode&unix.S_IFMT != unix.S_IFLNK || last && nofollow {
			continue
		}
		if links++; links > maxLinks {
			return finish(unix.ELOOP)
		}
		n, e := readlinkat(atFDCWD, append([]byte(real), 0), w.link[:])
		if e != 0 {
			return finish(e)
		}
		to := string(w.link[:n])
		switch l.logical = here; {
		case path.IsAbs(to) && isMagicLink(real):
			l.logical = "/" // it is what the supervisor reads there
		case path.IsAbs(to):
			l.logical = root
		}
		parts = append(strings.Split(to, "/"), parts[i+1:]...)
		i = -1
	}
	return finish(l.errno)
}

// isMagicLink tells whether a link leads straight to its object, whatever its text says.
func isMagicLink(real string) bool {
	process, tail, _ := strings.Cut(strings.TrimPrefix(real, "/proc/"), "/")
	return strings.HasPrefix(real, "/proc/") && process != "" && '0' <= process[0] && process[0] <= '9' && magicOf([]byte(tail)) != noMagic
}

// ownName is what /proc/self and /proc/thread-self say to a thread.
func (w *Worker) ownName(real string, tid int) (string, bool) {
	if real != "/proc/self" && real != "/proc/thread-self" {
		return "", false
	}
	s, err := w.statusOf(tid)
	if err != nil {
		return "", false
	}
	if real == "/proc/self" {
		return itoa(s.tgid), true
	}
	return itoa(s.tgid) + "/task/" + itoa(tid), true
}
