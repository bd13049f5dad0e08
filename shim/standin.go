package shim

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// directory returns the object behind a directory that only the tree has: one
// that was removed after it was opened, so that the kernel finds nothing in it, nobody
// can make anything in it, and every name below comes to the shim.
//
// No way leads from it to files of the supervisor's: see [nowhere], and
// [temporary] where that cannot be.
func (s *Shim) directory(n *fakefs.Node, name string) (int, error) {
	b := s.shared.of(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fd >= 0 {
		var st unix.Stat_t
		if fstat(b.fd, &st) == 0 && slices.Contains(b.known, identityOf(&st)) {
			return b.fd, nil
		}
		s.log.Warn().Str("directory", name).Int("descriptor", b.fd).Str("state", stateOf(b.fd)).
			Msg("the descriptor of a directory's stand-in is bad, and it is made anew; please report this")
		s.handed.remove(b.known)
		b.fd, b.known = -1, nil // nobody's, or another's by now: not closed
		s.shared.release()
	}
	s.shared.keep(s.handed.alone) // it is kept in any case: it is known by its identity
	fd, above, err := s.nowhere.directory(n)
	if err != nil {
		fd, above, err = temporary(n)
	}
	if err != nil {
		s.shared.release()
		return -1, fmt.Errorf("stand-in for the directory %s: %w", name, err)
	}
	outside := &handedOut{node: n, name: "", shared: true}
	for i := range above {
		s.register(&above[i], outside)
		if !s.nowhere.isRoot(&above[i]) {
			b.known = append(b.known, identityOf(&above[i]))
		}
	}
	var st unix.Stat_t
	if e := fstat(fd, &st); e != 0 {
		unix.Close(fd)
		s.shared.release()
		return -1, os.NewSyscallError("fstat", e)
	}
	s.register(&st, &handedOut{node: n, name: name, shared: true})
	b.known = append(b.known, identityOf(&st))
	b.fd = fd
	return fd, nil
}

// belong gives a stand-in the mode and owner of its node, for fchdir(2), which is not
// trapped, goes by those. A group's can change, and is told with each call: its
// stand-in stops nobody.
func belong(dirfd int, name string, n *fakefs.Node) error {
	mode, uid, gid := uint32(n.Mode.Perm()), n.UID, n.GID
	if n.Object != nil {
		mode, uid, gid = 0o755, 0, 0
	}
	if uid != 0 || gid != 0 {
		// Without the right to give files away, only the supervisor's own user may pass.
		_ = unix.Fchownat(dirfd, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW)
	}
	if err := unix.Fchmodat(dirfd, name, mode, 0); err != nil {
		return &os.PathError{Op: "fchmodat", Path: name, Err: err}
	}
	return nil
}

// depth is how far below its temporary directory a stand-in is made. The
// directories between are removed as well, so that as many ".." from inside lead
// nowhere that exists, and every such name comes to the shim.
const depth = 8

// temporary makes a directory where nothing can be mounted: a removed one of the
// machine's, in a directory that only the supervisor could pass through.
func temporary(n *fakefs.Node) (fd int, above []unix.Stat_t, err error) {
	made, err := temporaryDirectory()
	if err != nil {
		return -1, nil, err
	}
	names := []string{made}
	defer func() {
		for _, name := range slices.Backward(names) {
			if name == made {
				// A removed directory can be walked up from for good. This one is closed to
				// all that have no capability to override it.
				_ = os.Chmod(made, 0)
			}
			_ = unix.Rmdir(name)
		}
	}()
	inner := made
	for range depth {
		inner += "/d"
		if err := os.Mkdir(inner, 0o755); err != nil {
			return -1, nil, err
		}
		names = append(names, inner)
		var st unix.Stat_t
		if err := errors.Join(os.Chmod(inner, 0o755), unix.Stat(inner, &st)); err != nil {
			return -1, nil, err
		}
		above = append(above, st)
	}
	fd, err = unix.Open(inner, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, nil, &os.PathError{Op: "open", Path: inner, Err: err}
	}
	if err := belong(atFDCWD, inner, n); err != nil {
		unix.Close(fd)
		return -1, nil, err
	}
	return raise(fd), above[:len(above)-1], nil
}

// temporaryDirectory makes a directory wherever one can be made.
func temporaryDirectory() (string, error) {
	var errs []error
	for _, parent := range []string{os.TempDir(), "/dev/shm", "/run", "/var/tmp", "/"} {
		made, err := os.MkdirTemp(parent, "shimrun-")
		if err == nil {
			return made, nil
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}
