// Package textfile reads files that people name, such as profiles: it takes no
// more than was agreed, and does not wait for what never comes.
package textfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Patience is how long the writer of a pipe may take for all of it.
const Patience = 10 * time.Second

// Why a file is not read; the error is an [*fs.PathError] of one of them.
var (
	ErrDirectory = unix.EISDIR
	ErrDevice    = errors.New("is a device and no file")
	ErrFIFO      = errors.New("is a named pipe and no file; a pipe without a name, as of <(COMMAND), would be read")
	ErrSocket    = errors.New("is a socket and no file")
	ErrEmptyPipe = errors.New("nothing came from this pipe")
	ErrSlow      = fmt.Errorf("its writer has not closed this pipe within %v", Patience)
)

// TooLongError tells that there is more than the limit, in bytes.
type TooLongError struct{ Limit int64 }

func (e *TooLongError) Error() string {
	return fmt.Sprintf("is longer than %d MiB, which is the most that is read", e.Limit>>20)
}

// Read reads a file, or a pipe without a name, of at most limit bytes. Errors are
// [*fs.PathError].
func Read(name string, limit int64) ([]byte, error) {
	text, err := read(name, limit)
	var known *fs.PathError
	if err != nil && !errors.As(err, &known) {
		err = &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return text, err
}

func read(name string, limit int64) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if err := refused(info); err != nil {
		return nil, err
	}
	// Non-blocking: it may have become something else, and files of procfs wait too.
	f, err := os.OpenFile(name, os.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return nil, err
	}
	if err := refused(info); err != nil {
		return nil, err
	}
	pipe := info.Mode()&fs.ModeNamedPipe != 0
	if pipe {
		if !nameless(f) {
			return nil, ErrFIFO
		}
		if err := f.SetReadDeadline(time.Now().Add(Patience)); err != nil {
			return nil, err
		}
	}
	if info.Mode().IsRegular() && info.Size() > limit {
		return nil, &TooLongError{limit}
	}
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, ErrSlow
	case err != nil:
		return nil, err
	case int64(len(text)) > limit:
		return nil, &TooLongError{limit}
	case pipe && len(text) == 0:
		return nil, ErrEmptyPipe
	}
	return text, nil
}

// refused says why a file of this kind is not read. /dev/null is: it ends at once.
func refused(info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir():
		return ErrDirectory
	case mode&fs.ModeSocket != 0:
		return ErrSocket
	case mode&fs.ModeDevice != 0 && !isNull(info):
		return ErrDevice
	}
	return nil
}

// isNull tells /dev/null by its number: mem.c in the kernel's drivers.
func isNull(info fs.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Mode()&fs.ModeCharDevice != 0 && st.Rdev == unix.Mkdev(1, 3)
}

// nameless tells a pipe of pipe(2) from one of mkfifo(3).
func nameless(f *os.File) bool {
	raw, err := f.SyscallConn() // Fd would make it block
	if err != nil {
		return false
	}
	var target string
	if raw.Control(func(fd uintptr) {
		target, err = os.Readlink(fmt.Sprintf("/proc/self/fd/%d", fd))
	}) != nil {
		return false
	}
	return err != nil || strings.HasPrefix(target, "pipe:") // or there is no procfs
}
