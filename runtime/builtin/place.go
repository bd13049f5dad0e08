package builtin

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// rootfs is a container's root seen from outside. No name that is looked up in
// it leads out of it, whatever links there are.
type rootfs struct {
	*os.File
	path string
	// lexical tells that links are followed by name, one after the other. That
	// is exact as long as nobody changes them meanwhile, and all that can be
	// done where /proc is not what Linux has (gVisor's, for pathrs-lite).
	lexical bool
	// folders are names that were seen to be folders, and no links, on the way.
	folders folders
}

// folders remember what was looked up by name, for as long as nothing is mounted above it:
// some forty names are looked up for a container, and nearly all of them lie in five folders.
type folders map[string]fs.FileInfo

// Lstat and Readlink are a [securejoin.VFS].
func (f folders) Lstat(name string) (fs.FileInfo, error) {
	name = filepath.Clean(name)
	if info := f[name]; info != nil {
		return info, nil
	}
	info, err := os.Lstat(name)
	if err == nil && info.IsDir() {
		f[name] = info
	}
	return info, err
}

func (f folders) Readlink(name string) (string, error) { return os.Readlink(name) }

// covered forgets what is not there any more where something was mounted.
func (r rootfs) covered(place *os.File) {
	if r.lexical {
		maps.DeleteFunc(r.folders, func(name string, _ fs.FileInfo) bool { return strings.HasPrefix(name, place.Name()+"/") })
	}
}

func openRootfs(path string) (rootfs, error) {
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return rootfs{}, err
	}
	probe, err := pathrs.OpenatInRoot(f, "/")
	if err == nil {
		probe.Close()
	}
	return rootfs{f, path, err != nil, folders{}}, nil
}

// open opens what has a name, for nothing but to be a place.
func (r rootfs) open(name string) (*os.File, error) {
	if !r.lexical {
		return pathrs.OpenatInRoot(r.File, name)
	}
	if f, err := r.openHere(name); f != nil || err != nil {
		return f, err
	}
	path, err := securejoin.SecureJoinVFS(r.path, name, r.folders)
	if err != nil {
		return nil, err
	}
	return os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW, 0)
}

// openHere opens what lies in a folder that was seen, unless it is a link: then nil.
func (r rootfs) openHere(name string) (*os.File, error) {
	full := filepath.Join(r.path, name)
	if r.folders[filepath.Dir(full)] == nil || strings.Contains(name, "..") {
		return nil, nil
	}
	f, err := os.OpenFile(full, unix.O_PATH|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.Mode()&fs.ModeSymlink != 0 {
		f.Close()
		return nil, nil
	}
	return f, nil
}

// folder opens a folder, and makes it when it is not there.
func (r rootfs) folder(name string) (*os.File, error) {
	if !r.lexical {
		return pathrs.MkdirAllHandle(r.File, name, 0o755)
	}
	path, err := securejoin.SecureJoinVFS(r.path, name, r.folders)
	if err != nil {
		return nil, err
	}
	// The folder above it is nearly always there.
	if err := os.Mkdir(path, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, err
		}
	}
	return os.OpenFile(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_DIRECTORY, 0)
}

// file opens a file, and makes an empty one when there is none.
func (r rootfs) file(name string) (*os.File, error) {
	dir, base := filepath.Split(filepath.Clean("/" + name))
	parent, err := r.folder(dir)
	if err != nil {
		return nil, err
	}
	fd, err := unix.Openat(int(parent.Fd()), base, unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	parent.Close()
	if err == nil {
		unix.Close(fd)
	} else if err != unix.EEXIST {
		return nil, &os.PathError{Op: "create", Path: name, Err: err}
	}
	return r.open(name)
}

// place opens a mount point, and makes it when it is not there.
func (r rootfs) place(name string, folder bool) (*os.File, error) {
	if f, err := r.open(name); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	if folder {
		return r.folder(name)
	}
	return r.file(name)
}

// spot names an open place for calls that take no descriptor.
func (r rootfs) spot(f *os.File) string {
	if r.lexical {
		return f.Name()
	}
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd())
}

// nameOf is how the kernel names an open place.
func (r rootfs) nameOf(f *os.File) (string, error) {
	if r.lexical {
		return f.Name(), nil
	}
	return os.Readlink(r.spot(f))
}

// inside is the name of an open place below the root, without a slash before it.
func (r rootfs) inside(f *os.File) (string, error) {
	name, err := r.nameOf(f)
	if err != nil {
		return "", err
	}
	top, err := r.nameOf(r.File)
	if err != nil {
		return "", err
	}
	below, err := filepath.Rel(top, name)
	switch {
	case err != nil:
		return "", err
	case below == ".":
		return "", nil
	case !filepath.IsLocal(below):
		return "", fmt.Errorf("%s is outside of the root %s", name, top)
	}
	return below, nil
}

// trueName is how the kernel names a folder once it is open. It differs from
// the clean one where a shimrun around this one has a bind mount in its table:
// the kernel knows nothing of that, and a process can have its root only where
// the kernel has the folder.
func trueName(path string) string {
	f, err := os.OpenFile(path, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		return path // whoever uses it says so
	}
	defer f.Close()
	name, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd()))
	if err != nil || !filepath.IsAbs(name) {
		return path
	}
	return name
}
