package shim

import (
	"bytes"
	"errors"
	"io/fs"
	"path"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

const modeSymlink = fs.ModeSymlink

// errKernel ends a walk whose outcome is the kernel's to tell.
var errKernel = errors.New("the kernel answers")

// errDenied is errKernel where the supervisor may not look.
var errDenied = errors.New("the kernel answers, for the supervisor may not look")

// A spot is where a walk stands: a real object, a served one, or both.
type spot struct {
	// fd is an O_PATH descriptor of the real object, -1 where there is none.
	fd int
	st unix.Stat_t
	// name is the spot's name in the tree, "" where nothing can be served.
	name string
	// node is what is served here; nil for a directory or file of the kernel's.
	node *fakefs.Node
}

func (s *spot) directory() bool {
	if s.node != nil {
		return s.node.Mode.IsDir()
	}
	return s.st.Mode&unix.S_IFMT == unix.S_IFDIR
}

// walker follows one name as the kernel would for the tracee: from its root,
// its working directory or its descriptor, through links, magic links, ".."
// and mounts, in its own pid and mount namespace (path_resolution(7)).
type walker struct {
	w      *Worker
	c      *Call
	how    lookup
	base   spot // where an absolute name starts, and ".." ends
	stack  []spot
	rest   []byte
	links  int
	search search
	fds    []int
	// served tells that the name led through something that only the tree has:
	// then a refusal is ours to give; until then the kernel refuses by itself.
	served bool
	// passed are the real folders and the magic links that it came through.
	passed []passed
	// trouble is why the supervisor could not look, where that is its own.
	trouble unix.Errno
}

// walk is the third step of [Worker.resolve].
func (w *Worker) walk(c *Call, dirfd int, name []byte, how lookup) target {
	k := walker{w: w, c: c, how: how, rest: name}
	defer k.release()
	t, err := k.run(dirfd, name)
	var errno unix.Errno
	switch {
	case t.beyond > 0:
		return k.judged(t)
	case errors.As(err, &errno) && k.served:
		return k.judged(target{errno: errno})
	case err != nil:
		return target{trouble: k.trouble}
	}
	if t.node != nil && wantsDirectory(name) && !t.node.Mode.IsDir() {
		t = target{errno: unix.ENOTDIR}
	}
	return k.judged(t)
}

func (k *walker) release() {
	for _, fd := range k.fds {
		unix.Close(fd)
	}
}

func (k *walker) top() *spot { return &k.stack[len(k.stack)-1] }

func (k *walker) run(dirfd int, name []byte) (target, error) {
	if err := k.start(dirfd, name); err != nil {
		return target{}, err
	}
	if err := k.steps(); err != nil {
		return target{}, err
	}
	s := k.top()
	if s.node == nil && s.fd >= 0 && (k.served && k.how.beyond || k.how.object) {
		fd, err := unix.FcntlInt(uintptr(s.fd), unix.F_DUPFD_CLOEXEC, highest)
		return target{beyond: fd}, err
	}
	if s.node == nil {
		return target{}, errKernel
	}
	if s.fd >= 0 && uint64(s.st.Dev) != k.w.shim.ground.Load().procDev {
		// A file of a process in another instance of procfs, with its own numbers: what
		// is told must be made of that process, and not of one that has the number here.
		name, ok := numberedHere(k.c.TID, s.name)
		if !ok {
			return target{}, errKernel
		}
		if n := k.w.shim.tree.Lookup(name); n != nil {
			s.node, s.name = n, name
		}
	}
	return target{node: s.node, name: s.name, real: s.fd >= 0, mode: s.st.Mode, uid: s.st.Uid, gid: s.st.Gid}, nil
}

// steps goes on to the end of the name.
func (k *walker) steps() error {
	for len(k.rest) > 0 {
		part, rest, more := bytes.Cut(k.rest, []byte("/"))
		k.rest = rest
		if len(part) == 0 || string(part) == "." {
			continue
		}
		if !k.top().directory() {
			return unix.ENOTDIR
		}
		if !k.searchable() {
			if k.served || k.top().fd < 0 {
				return unix.EACCES // the kernel would not come this far
			}
			return errKernel
		}
		if s := k.top(); s.fd >= 0 {
			k.passes(s)
		}
		var err error
		if string(part) == ".." {
			err = k.up()
		} else {
			err = k.step(string(part), !more)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// start puts the walk onto the tracee's root, working directory or descriptor.
func (k *walker) start(dirfd int, name []byte) error {
	root := append(k.w.ofTracee(k.c.TID, "root"), 0)
	inRoot := k.how.resolve&unix.RESOLVE_IN_ROOT != 0
	if name[0] == '/' && k.how.resolve&unix.RESOLVE_BENEATH != 0 {
		return unix.EXDEV
	}
	if err := k.enter(root, &k.base); err == errDenied {
		// A process that has changed its user is not dumpable, nor is its parent
		// after a vfork, and a supervisor without CAP_SYS_PTRACE may not look
		// at its root (ptrace(2), "access mode checking"). It is most likely ours.
		if err := k.enter([]byte("/\x00"), &k.base); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	if name[0] == '/' && !inRoot {
		k.stack = []spot{k.base}
		return nil
	}
	var at spot
	dir := k.w.descriptor(k.c.TID, dirfd)
	if dirfd == atFDCWD {
		dir = k.w.ofTracee(k.c.TID, "cwd")
	} else if dirfd < 0 {
		return errKernel
	}
	if err := k.enter(append(dir, 0), &at); err != nil {
		return err
	}
	k.stack = []spot{at}
	if inRoot || k.how.resolve&unix.RESOLVE_BENEATH != 0 {
		k.base = at
	}
	return nil
}

// enter opens an object through one of the tracee's magic links and finds its name.
func (k *walker) enter(link []byte, s *spot) error {
	fd, e := openat(atFDCWD, link, unix.O_PATH|unix.O_CLOEXEC)
	switch e {
	case 0:
		return k.adopt(fd, s)
	case unix.EACCES, unix.EPERM:
		return errDenied
	}
	return k.stuck(e)
}

// stuck ends a walk that the supervisor cannot go on with.
func (k *walker) stuck(e unix.Errno) error {
	switch e {
	case unix.EMFILE, unix.ENFILE:
		k.trouble = unix.ENFILE
	case unix.ENOMEM:
		k.trouble = e
	}
	return errKernel
}

// adopt makes a spot of an open object whose name is not known yet.
func (k *walker) adopt(fd int, s *spot) error {
	k.fds = append(k.fds, fd)
	*s = spot{fd: fd}
	if fstat(fd, &s.st) != 0 {
		return errKernel
	}
	if h, ok := k.w.shim.handed.get(identityOf(&s.st)); ok {
		// One of ours, come back: a served directory, or a file that is
		// opened again through /proc/self/fd.
		if h.name == "" {
			return errKernel // above a stand-in: nowhere
		}
		s.fd, s.name, s.node = -1, h.name, h.node
		k.served = true
		if h.node.Group != nil && h.node.Group.Gone() {
			return unix.ENOENT
		}
		return nil
	}
	s.name = k.inside(k.nameOf(s))
	s.node = k.nodeAt(s)
	return nil
}

// inside turns the name of a mount of served groups into that of the group that
// the tracee has there.
func (k *walker) inside(name string) string {
	if point, _ := k.w.shim.tree.GroupsAt(name); point != "" && point == name {
		return k.w.shim.inside(k.c.TID, name)
	}
	return name
}

// nodeAt is what the tree serves at a spot; a directory that the kernel has
// stays the kernel's.
func (k *walker) nodeAt(s *spot) *fakefs.Node {
	if s.name == "" || k.w.shim.ground.Load().hides([]byte(s.name)) {
		return nil
	}
	n := k.w.shim.tree.Lookup(s.name)
	if n == nil || kernels(n, s.fd >= 0 && n.On == nil) {
		return nil // on a filesystem of our own there is nothing of the kernel's
	}
	return n
}

// up goes to the parent, and stays where the root is.
func (k *walker) up() error {
	s := k.top()
	if s.fd >= 0 && s.st.Ino == k.base.st.Ino && s.st.Dev == k.base.st.Dev || s.fd < 0 && k.base.fd < 0 && s.name == k.base.name {
		if k.how.resolve&unix.RESOLVE_BENEATH != 0 {
			return unix.EXDEV
		}
		return nil
	}
	if len(k.stack) > 1 {
		if err := k.crossed(s, &k.stack[len(k.stack)-2]); err != nil {
			return err
		}
		k.stack = k.stack[:len(k.stack)-1]
		return nil
	}
	if s.fd < 0 {
		// Above a served directory: the name tells where that is, from the tracee's root.
		above := walker{w: k.w, c: k.c, base: k.base, stack: []spot{k.base}, rest: []byte(path.Dir(k.w.shim.outside(k.c.TID, s.name))), search: k.search, served: true}
		err := above.steps()
		k.fds, k.search, k.trouble = append(k.fds, above.fds...), above.search, above.trouble
		k.passed = append(k.passed, above.passed...)
		if err == nil {
			err = k.crossed(s, above.top())
		}
		if err == nil {
			k.stack[0] = *above.top()
		}
		return err
	}
	var parent spot
	fd, e := openat(s.fd, []byte("..\x00"), unix.O_PATH|unix.O_CLOEXEC)
	if e != 0 {
		return k.stuck(e)
	}
	if err := k.adopt(fd, &parent); err != nil {
		return err
	}
	if err := k.crossed(s, &parent); err != nil {
		return err
	}
	k.stack[0] = parent
	return nil
}

// crossed refuses a change of mount where openat2 was told so.
func (k *walker) crossed(from, to *spot) error {
	if k.how.resolve&unix.RESOLVE_NO_XDEV == 0 {
		return nil
	}
	here, known := from.device()
	there, alsoKnown := to.device()
	if known && alsoKnown && here != there {
		return unix.EXDEV
	}
	return nil
}

// device is that of the filesystem which a spot is on; unknown for what is served in a
// folder of another's, and is on the same as that.
func (s *spot) device() (dev uint64, known bool) {
	switch {
	case s.node != nil && s.node.On != nil:
		return s.node.On.Dev, true
	case s.fd >= 0:
		return uint64(s.st.Dev), true
	}
	return 0, false
}

// step goes to the child named part.
func (k *walker) step(part string, final bool) error {
	here := k.top()
	child := spot{fd: -1}
	if here.name != "" {
		child.name = path.Join(here.name, part)
	}
	if part == "map_files" && isBelow([]byte(here.name), "/proc") {
		return errKernel // who may follow the links in there is not told by any permission
	}
	if child.name == "/proc/self" || child.name == "/proc/thread-self" {
		return k.toSelf(part, final)
	}
	if here.fd >= 0 {
		fd, e := openat(here.fd, append([]byte(part), 0), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC)
		switch e {
		case 0:
			k.fds = append(k.fds, fd)
			child.fd = fd
			if fstat(fd, &child.st) != 0 {
				return errKernel
			}
			k.rename(here, &child)
		case unix.ENOENT:
		default:
			return k.stuck(e)
		}
	}
	child.name = k.inside(child.name)
	if child.node = k.nodeAt(&child); child.node != nil && child.node.Pattern != "" && here.fd < 0 {
		child.node = nil // a pattern is laid over directories that are really there
	}
	k.served = k.served || child.node != nil
	if child.node != nil && child.node.On != nil {
		child.fd = -1 // what the kernel has there is covered
	}
	if child.node == nil && child.fd < 0 {
		if here.fd < 0 && here.node != nil && here.node.Mode.IsDir() {
			return unix.ENOENT // nothing of that name in a directory that only we have
		}
		return errKernel
	}
	if err := k.crossed(here, &child); err != nil {
		return err
	}
	if follow := !final || !k.how.nofollow; follow {
		if child.node != nil && child.node.Mode&modeSymlink != 0 {
			return k.follow(child.node.Target)
		}
		if child.node == nil && child.st.Mode&unix.S_IFMT == unix.S_IFLNK {
			return k.followReal(here, &child, part)
		}
	}
	k.stack = append(k.stack, child)
	return nil
}

// searchable tells whether the tracee may pass through the directory it stands
// in; where it may not, the kernel says EACCES by itself, if it has that one.
func (k *walker) searchable() bool {
	s := k.top()
	if s.fd >= 0 {
		return k.search.may(k.w, k.c, &s.st) || k.mayPass(s)
	}
	if mode := uint32(s.node.Mode.Perm()); mode&forAll == forAll {
		return true // whoever it is
	}
	who := k.search.caller(k.w, k.c)
	return who != nil && who.may(s.node, unix.X_OK, who.fsuid, who.fsgid)
}
