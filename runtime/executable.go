package runtime

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// LookPath finds a command as execvp(3) does: a name with a slash is taken as
// it is, another is looked for in the folders of PATH (an empty one is the
// working directory). The error is an [*ExitError] with status 127 where there
// is no such file, and 126 where there is and it cannot be executed.
func LookPath(name string) (string, error) {
	if name == "" {
		return "", &ExitError{StatusNotFound, errors.New("the command is empty; is a variable not set?")}
	}
	if strings.Contains(name, "/") {
		return name, executable(name)
	}
	var denied error
	for _, dir := range filepath.SplitList(searchPath()) {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name
		switch err := executable(path); {
		case err == nil:
			return path, nil
		case statusOf(err) == StatusNotExecutable && denied == nil:
			denied = err
		}
	}
	if denied != nil {
		return "", denied
	}
	return "", &ExitError{StatusNotFound, &os.PathError{Op: "find in PATH", Path: name, Err: fs.ErrNotExist}}
}

// searchPath is PATH, or what execvp(3) takes where that is not set.
func searchPath() string {
	if path, set := os.LookupEnv("PATH"); set {
		return path
	}
	return "/bin:/usr/bin"
}

// executable tells whether this process may execute the file.
func executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			return &ExitError{StatusNotFound, err}
		}
		return &ExitError{StatusNotExecutable, err}
	}
	if info.IsDir() {
		return &ExitError{StatusNotExecutable, &os.PathError{Op: "exec", Path: path, Err: unix.EISDIR}}
	}
	if err := unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS); err != nil || !info.Mode().IsRegular() {
		return &ExitError{StatusNotExecutable, &os.PathError{Op: "exec", Path: path, Err: unix.EACCES}}
	}
	return nil
}

func statusOf(err error) int {
	var exit *ExitError
	if errors.As(err, &exit) {
		return exit.Code
	}
	return 0
}
