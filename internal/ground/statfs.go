package ground

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// statfsFiles asks about files, not folders: that is where kernels differ.
func statfsFiles() (string, error) {
	if err := statfsFile("/proc/self/status"); err != nil {
		return "", err
	}
	// A machine without cgroups has no such file to ask about.
	for _, folder := range []string{"", "cpu/", "memory/", "pids/"} {
		err := statfsFile("/sys/fs/cgroup/" + folder + "cgroup.procs")
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", nil
}

func statfsFile(name string) error {
	var buf unix.Statfs_t
	if err := statfs(name, &buf); err != nil {
		return err
	}
	file, err := os.Open(name)
	if err != nil {
		return untried(err)
	}
	defer file.Close()
	if err := unix.Fstatfs(int(file.Fd()), &buf); err != nil {
		return &fs.PathError{Op: "fstatfs", Path: name, Err: err}
	}
	return nil
}

// statfs retries what a signal interrupted: Go's runtime sends itself many.
func statfs(name string, buf *unix.Statfs_t) error {
	for {
		err := unix.Statfs(name, buf)
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &fs.PathError{Op: "statfs", Path: name, Err: err}
		}
	}
}

// rootIsNot9P asks what programs ask that look for the disk beneath /.
func rootIsNot9P() (string, error) {
	const v9fsMagic = 0x01021997 // V9FS_MAGIC of linux/magic.h
	var buf unix.Statfs_t
	if err := statfs("/", &buf); err != nil {
		return "", err
	}
	if buf.Type == v9fsMagic {
		return "", errors.New("/ is 9p")
	}
	return fmt.Sprintf("/ is of type %#x", uint64(buf.Type)), nil
}
