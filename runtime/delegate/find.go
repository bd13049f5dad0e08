package delegate

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/shimrun/shimrun/runtime/container"
)

// Runtimes are those that are looked for, in this order.
var Runtimes = []string{"runc", "crun", "runsc"}

// Find finds the runtime to delegate to: the one that was asked for, or the
// first that is installed. This program may stand in the place of one, under its
// name, and is passed over: it would delegate to itself without end.
func Find(asked string) (string, error) {
	names := Runtimes
	if asked != "" {
		names = []string{asked}
	}
	var all []error
	for _, name := range names {
		path, err := find(name)
		if err == nil {
			return path, nil
		}
		all = append(all, err)
	}
	return "", errors.Join(all...)
}

func find(name string) (string, error) {
	if strings.Contains(name, "/") {
		path, err := exec.LookPath(name)
		if err == nil {
			path, err = filepath.Abs(path)
		}
		if err == nil && isOurs(path) {
			err = fmt.Errorf("%s is shimrun itself, which cannot delegate to itself; give the path of runc, crun or runsc with --runtime", path)
		}
		return path, err
	}
	err := error(&exec.Error{Name: name, Err: exec.ErrNotFound})
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		// What PATH finds in the working folder is nobody's choice, see exec.ErrDot.
		path, failed := exec.LookPath(filepath.Join(dir, name))
		if failed != nil || !filepath.IsAbs(dir) {
			continue
		}
		if !isOurs(path) {
			return path, nil
		}
		err = fmt.Errorf("%s is shimrun itself, and there is no other %s in PATH", path, name)
	}
	return "", err
}

// builtFrom is what Go writes into every version of this program, see
// runtime/debug.BuildInfo. The package that reads it would weigh on each start.
const builtFrom = "path\tgithub.com/shimrun/shimrun/cmd/shimrun\n"

// isOurs tells whether a file is this program: the same file, by whatever links,
// or a copy, also of another version.
func isOurs(path string) bool {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if self, err := os.Stat("/proc/self/exe"); err == nil && os.SameFile(info, self) {
		return true
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return holds(f, builtFrom)
}

// holds tells whether a text is anywhere in what can be read.
func holds(r io.Reader, text string) bool {
	block := make([]byte, 256<<10)
	for kept := 0; ; {
		n, err := r.Read(block[kept:])
		read := block[:kept+n]
		if bytes.Contains(read, []byte(text)) {
			return true
		}
		if err != nil {
			return false
		}
		kept = copy(block, read[max(0, len(read)-len(text)+1):]) // it may begin there
	}
}

// stateFolder is the folder in a container's where its runtime keeps its state.
const stateFolder = "runtime"

// IsRuntime tells whether a runtime that keeps its state in this folder was
// started by an [Engine]. If the one that asks is shimrun, it has been delegated
// to by itself, in a way that Find could not see, as by a script. No environment
// has to survive that script.
func IsRuntime(root string) bool {
	root, err := filepath.Abs(root)
	if err != nil || filepath.Base(root) != stateFolder {
		return false
	}
	dir := filepath.Dir(root)
	made, err := container.Store{Root: filepath.Dir(dir)}.Open(filepath.Base(dir))
	return err == nil && made.Mode == Mode
}
