package shim

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
)

// A folder holds the files of a tmpfs.
type folder struct {
	mu   sync.Mutex // is held while fd is used; nothing else is locked meanwhile
	fd   int        // open, so that renaming it leads nowhere else
	name string
	// was is what the folder looked like before it became a tmpfs; made is
	// the directory that was made for it, "" where it is the mount point itself.
	was  unix.Stat_t
	made string
}

// prepare finds a folder for a tmpfs: an empty mount point itself, so that no
// name has to be led anywhere, or else one that nobody knows.
func (s *Shim) prepare(target, real string, o mounts.Tmpfs) (*folder, error) {
	f := &folder{name: real, fd: -1}
	covered := s.virtual.table.At(target)
	if target != real || covered != nil && !covered.Kernel || !isEmpty(real) {
		made, err := temporaryDirectory()
		if err != nil {
			return nil, err
		}
		// It is reached by descriptors, and by the supervisor on behalf of others.
		if err := errors.Join(os.Chmod(made, 0o711), os.Mkdir(made+"/tmpfs", 0o700)); err != nil {
			os.RemoveAll(made)
			return nil, err
		}
		f.made, f.name = made, made+"/tmpfs"
	}
	fd, err := unix.Open(f.name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		if f.made != "" {
			os.RemoveAll(f.made)
		}
		return nil, &os.PathError{Op: "open", Path: f.name, Err: err}
	}
	f.fd = raise(fd)
	if err := unix.Fstat(f.fd, &f.was); err != nil {
		return nil, os.NewSyscallError("fstat", err)
	}
	f.become(o.Mode, int(o.UID), int(o.GID))
	return f, nil
}

func isEmpty(dir string) bool {
	d, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer d.Close()
	names, err := d.Readdirnames(1)
	return len(names) == 0 && err != nil
}

// become gives a folder other permissions; where it may not, it keeps its own.
func (f *folder) become(mode uint32, uid, gid int) {
	if uint32(uid) != f.was.Uid || uint32(gid) != f.was.Gid || f.made == "" {
		_ = unix.Fchown(f.fd, uid, gid)
	}
	_ = unix.Fchmod(f.fd, mode&0o7777)
}

// clear removes what a tmpfs held: what is in it, not what links in it lead to
// (os.RemoveAll goes from descriptor to descriptor). What the mount point
// was before, it is again.
func (f *folder) clear(s *Shim) {
	f.mu.Lock()
	defer f.mu.Unlock()
	self := "/proc/self/fd/" + strconv.Itoa(f.fd)
	entries, err := os.ReadDir(self)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(self+"/"+e.Name()))
	}
	f.become(f.was.Mode, int(f.was.Uid), int(f.was.Gid))
	unix.Close(f.fd)
	f.fd = -1
	if f.made != "" {
		err = errors.Join(err, os.RemoveAll(f.made))
	}
	if err != nil {
		s.log.Warn().Err(err).Str("folder", f.name).Msg("a tmpfs was unmounted, but not all of its files could be removed")
	}
}

// used is how much is in a tmpfs: whole pages, and files.
func (f *folder) used() (bytes, files uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		return 0, 0
	}
	_ = filepath.WalkDir("/proc/self/fd/"+strconv.Itoa(f.fd)+"/.", func(_ string, e fs.DirEntry, err error) error {
		files++
		if err != nil || !e.Type().IsRegular() {
			return nil
		}
		if info, err := e.Info(); err == nil {
			bytes += (uint64(info.Size()) + 4095) &^ 4095
		}
		return nil
	})
	return bytes, files
}
