package shim

import (
	"errors"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// nowhere is a filesystem that is mounted in no namespace. Above its root there is
// nothing, for the kernel too, and who has a directory of it has it read-only.
type nowhere struct {
	once sync.Once
	err  error
	made int           // the mount in which directories are made
	seen int           // the same filesystem, read-only: directories are opened in it
	root unix.Stat_t   // its root
	next atomic.Uint64 // the name of the last directory
	// kept, where not nil, is told of both mounts, which outlive the supervisor then.
	kept func(made, seen int)
}

// inherit takes the filesystem over from an earlier supervisor.
func (w *nowhere) inherit(made, seen int) {
	if unix.Fstatat(made, ".", &w.root, 0) != nil {
		return
	}
	w.once.Do(func() {})
	w.made, w.seen = made, seen
	w.next.Store(uint64(time.Now().UnixNano())) // that one may have left a name
}

// directory makes one, and tells what lies above it.
func (w *nowhere) directory(n *fakefs.Node) (fd int, above []unix.Stat_t, err error) {
	if w.once.Do(w.mount); w.err != nil {
		return -1, nil, w.err
	}
	name := strconv.FormatUint(w.next.Add(1), 10)
	if err := unix.Mkdirat(w.made, name, 0o755); err != nil {
		return -1, nil, &os.PathError{Op: "mkdirat", Path: name, Err: err}
	}
	defer func() { _ = unix.Unlinkat(w.made, name, unix.AT_REMOVEDIR) }()
	if err := belong(w.made, name, n); err != nil {
		return -1, nil, err
	}
	fd, err = unix.Openat(w.seen, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, &os.PathError{Op: "openat", Path: name, Err: err}
	}
	return raise(fd), []unix.Stat_t{w.root}, nil
}

// file makes one in it: fd reads it, and can be opened for writing by nobody; own
// changes it.
func (w *nowhere) file(content []byte) (fd, own int, err error) {
	if w.once.Do(w.mount); w.err != nil {
		return -1, -1, w.err
	}
	if w.seen == w.made {
		return -1, -1, unix.ENOTSUP
	}
	name := strconv.FormatUint(w.next.Add(1), 10)
	own, err = unix.Openat(w.made, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o444)
	if err != nil {
		return -1, -1, &os.PathError{Op: "openat", Path: name, Err: err}
	}
	defer func() { _ = unix.Unlinkat(w.made, name, 0) }()
	own = raise(own)
	if err = errors.Join(fill(own, content), unix.Fchmod(own, 0o444)); err == nil {
		fd, err = unix.Openat(w.seen, name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		unix.Close(own)
		return -1, -1, err
	}
	return raise(fd), own, nil
}

// isRoot tells whether an object is the filesystem's root, which all directories have
// in common.
func (w *nowhere) isRoot(st *unix.Stat_t) bool {
	return w.made > 0 && identityOf(st) == identityOf(&w.root)
}

// mount makes the filesystem: fsmount(2), and since Linux 6.15 open_tree(2) of what is
// mounted nowhere. It takes CAP_SYS_ADMIN.
func (w *nowhere) mount() {
	if w.err = w.mountTmpfs(); w.err == nil && w.kept != nil {
		w.kept(w.made, w.seen)
	}
}

func (w *nowhere) mountTmpfs() error {
	context, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("fsopen", err)
	}
	defer unix.Close(context)
	if err := unix.FsconfigCreate(context); err != nil {
		return os.NewSyscallError("fsconfig", err)
	}
	const attributes = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	made, err := unix.Fsmount(context, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return os.NewSyscallError("fsmount", err)
	}
	made = raise(made)
	if err := errors.Join(unix.Fchmodat(made, ".", 0o555, 0), unix.Fstatat(made, ".", &w.root, 0)); err != nil {
		unix.Close(made)
		return err
	}
	w.made, w.seen = made, made
	seen, err := unix.OpenTree(made, "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH)
	if err != nil {
		return nil // an older kernel: then they are not read-only, but empty for good all the same
	}
	if err := unix.MountSetattr(seen, "", unix.AT_EMPTY_PATH, &unix.MountAttr{Attr_set: attributes | unix.MOUNT_ATTR_RDONLY}); err != nil {
		unix.Close(seen)
		return nil
	}
	w.seen = raise(seen)
	return nil
}
