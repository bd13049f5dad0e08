package procfs

import (
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// ReadFile reads a whole file of procfs. os.ReadFile makes twice as many calls, for it
// looks at the file's size, which is 0 here, and asks whether it can be polled; in gVisor
// each costs as much as one of the program's.
func ReadFile(name string) ([]byte, error) {
	fd, err := open(name, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	text := make([]byte, 0, pageSize)
	for {
		text = slices.Grow(text, 1)
		n, err := retried(func() (int, error) { return unix.Read(fd, text[len(text):cap(text)]) })
		if err != nil {
			return nil, &os.PathError{Op: "read", Path: name, Err: err}
		}
		if n == 0 {
			return text, nil
		}
		text = text[:len(text)+n]
	}
}

// readLine reads a file of procfs that has but one line, by one read.
func readLine(name string, into []byte) ([]byte, error) {
	fd, err := open(name, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := retried(func() (int, error) { return unix.Read(fd, into) })
	if err != nil {
		return nil, &os.PathError{Op: "read", Path: name, Err: err}
	}
	return into[:n], nil
}

// open opens a file to read it; flags are further ones.
func open(name string, flags int) (int, error) {
	fd, err := retried(func() (int, error) { return unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC|flags, 0) })
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

// retried makes a call again that a signal ended.
func retried(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}
