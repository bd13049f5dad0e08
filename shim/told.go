package shim

import (
	"path"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A folder that the kernel lacks is told because something is served in it:
// /opt/cni/bin of a plug-in. Who is told of a folder makes files in it without making it
// first, as os.MkdirAll and mkdir -p do. So it is made when something is made in it, or
// when it is itself: by the program's own rights, with which it could have made it. The
// folders of /proc and /sys are the kernel's alone.

// tellsFolder tells whether a node is served in a folder that is such, or may be one day:
// those in the root are there on every machine, and stay.
func tellsFolder(n *fakefs.Node) bool {
	folder := path.Dir(n.Name)
	return n.Pattern == "" && n.On == nil && canBeMade(folder) &&
		(strings.Count(folder, "/") > 1 || unix.Access(folder, unix.F_OK) != nil)
}

// canBeMade tells whether programs can make a folder of that name.
func canBeMade(name string) bool {
	return !isBelow([]byte(name), "/proc") && !isBelow([]byte(name), "/sys")
}

// isTold tells whether what was looked up is such a folder, in the root that the
// supervisor makes it in.
func (w *Worker) isTold(c *Call, t *target) bool {
	n := t.node
	return n != nil && t.errno == 0 && n.Implied && n.On == nil && canBeMade(t.name) &&
		w.sharesRoot(c, w.shim.ground.Load())
}

// makeFolderFor makes the folder real in which a name is to be made; made tells that it
// was one that was told only.
func (w *Worker) makeFolderFor(c *Call, dirfd int, name []byte) (made bool, errno unix.Errno) {
	t := w.resolve(c, dirfd, dirName(name), lookup{real: true})
	if !w.isTold(c, &t) {
		return false, 0
	}
	return true, w.makeReal(c, t.name, 0o755)
}

// makeTold answers a mkdir that makes no group: of a folder that is told, or in one.
func (w *Worker) makeTold(c *Call, dirfd int, addr uint64, mode uint32) Answer {
	name, ok := w.readPath(c.Tracee, addr)
	if !ok || len(name) == 0 {
		return Answer{}
	}
	t := w.resolve(c, dirfd, name, lookup{nofollow: true, real: true})
	full := t.name
	if !w.isTold(c, &t) {
		last := path.Base(string(name))
		if t.errno != unix.ENOENT || last == "." || last == ".." {
			return Answer{}
		}
		above := w.resolve(c, dirfd, dirName(name), lookup{real: true})
		if !w.isTold(c, &above) {
			return Answer{}
		}
		full = path.Join(above.name, last)
	}
	if errno := w.makeReal(c, full, mode); errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	return Answer{Kind: Return}
}

// makeReal makes a folder with a mode, and those above it that are missing, as the program.
func (w *Worker) makeReal(c *Call, name string, mode uint32) unix.Errno {
	who, err := w.who(c)
	if err != nil {
		return unix.EACCES
	}
	errno := unix.EACCES
	w.shim.as(&who, func() { errno = mkdirAll(name, mode&^who.umask) })
	if errno != 0 {
		return errno
	}
	w.shim.log.Debug().Str("folder", name).Int("tid", c.TID).Msg("a folder that was told is made, for something is made in it")
	w.shim.lookAgain()
	return 0
}

// mkdirAll is mkdir(2), with what is missing on the way. What the supervisor's own umask
// takes is given back.
func mkdirAll(name string, mode uint32) unix.Errno {
	for end := strings.IndexByte(name[1:], '/') + 1; end > 0; {
		if errno := mkdir(name[:end], 0o755); errno != 0 && errno != unix.EEXIST {
			return errno
		}
		next := strings.IndexByte(name[end+1:], '/')
		if next < 0 {
			break
		}
		end += next + 1
	}
	return mkdir(name, mode)
}

func mkdir(name string, mode uint32) unix.Errno {
	err := unix.Mkdir(name, mode)
	if err == nil {
		var st unix.Stat_t
		if err = unix.Lstat(name, &st); err == nil {
			err = unix.Chmod(name, mode&0o1777|st.Mode&unix.S_ISGID) // which a folder inherits
		}
	}
	errno, _ := err.(unix.Errno)
	return errno
}

// lookAgain surveys the machine, of which the shim itself has changed something.
func (s *Shim) lookAgain() {
	m := &s.mounts
	if s.Serve() { // see settle
		if !m.looking.TryLock() {
			return
		}
	} else {
		m.looking.Lock()
	}
	defer m.looking.Unlock()
	s.stand(s.survey())
}
