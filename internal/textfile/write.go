package textfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Output is the name of standard output among files.
const Output = "-"

// Writable tells whether a file could be written now, so that nobody learns it when
// the work is done whose result it is for. Nothing is changed: a file that is not
// there is made and removed. The empty name and [Output] can be written.
func Writable(name string) error {
	if name == "" || name == Output {
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: unix.EISDIR}
	case err == nil:
		return accessible(name)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) { // a link to what is not there
		target, err := os.Readlink(name)
		if err != nil {
			return err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(name), target)
		}
		return accessible(filepath.Dir(target))
	}
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(name))
}

// WritableFolder tells the same of a folder, and of one that is still to be made.
func WritableFolder(name string) error {
	if name == "" {
		return nil
	}
	for dir := filepath.Clean(name); ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		switch {
		case err == nil && !info.IsDir():
			return &fs.PathError{Op: "write", Path: dir, Err: unix.ENOTDIR}
		case err == nil:
			return accessible(dir)
		case !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir):
			return err
		}
	}
}

// accessible asks with the rights that a write has.
func accessible(name string) error {
	if err := unix.Faccessat(unix.AT_FDCWD, name, unix.W_OK, unix.AT_EACCESS); err != nil {
		return &fs.PathError{Op: "write", Path: name, Err: err}
	}
	return nil
}
