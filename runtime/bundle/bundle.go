package bundle

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// ConfigName is the name of a bundle's configuration.
const ConfigName = "config.json"

// Bundle is a bundle that can be run.
type Bundle struct {
	// Dir and Rootfs are absolute, and Rootfs has no symbolic link in it.
	Dir, Rootfs string
	Spec        *specs.Spec
}

// Load reads the bundle in dir.
func Load(dir string) (*Bundle, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("bundle: %w", &os.PathError{Op: "chdir", Path: dir, Err: unix.ENOTDIR})
	}
	spec, err := ReadSpec(filepath.Join(dir, ConfigName))
	if err != nil {
		return nil, err
	}
	if err := Check(spec); err != nil {
		return nil, err
	}
	rootfs, err := findRootfs(dir, spec.Root.Path)
	if err != nil {
		return nil, err
	}
	return &Bundle{Dir: dir, Rootfs: rootfs, Spec: spec}, nil
}

// ReadSpec reads a config.json. It checks its form only; see [Check].
func ReadSpec(name string) (*specs.Spec, error) {
	var spec specs.Spec
	if err := readJSON(name, &spec); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("JSON specification file %s not found; make one with: shimrun spec", name)
		}
		return nil, err
	}
	return &spec, nil
}

// ReadProcess reads a process.json, as for `exec --process`.
func ReadProcess(name string) (*specs.Process, error) {
	var process specs.Process
	if err := readJSON(name, &process); err != nil {
		return nil, err
	}
	return &process, CheckProcess(&process)
}

// maxConfig is more than any configuration needs, and keeps /dev/zero from
// being read to its end.
const maxConfig = 64 << 20

func readJSON(name string, value any) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return err
	}
	if len(text) > maxConfig {
		return &os.PathError{Op: "read", Path: name, Err: unix.EFBIG}
	}
	return decode(name, text, value)
}

// decode is strict about everything but unknown properties: a value of the
// wrong type, and anything after the document, is an error with its place.
func decode(name string, text []byte, value any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(value)
	if err == nil {
		if _, err = decoder.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("there is more after the end of the document")
	}
	at := decoder.InputOffset()
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		at = syntax.Offset
	case errors.As(err, &wrong):
		at = wrong.Offset
		err = fmt.Errorf("%s cannot be a %s", wrong.Field, wrong.Value)
	case errors.Is(err, io.EOF):
		err = errors.New("the file is empty")
	case errors.Is(err, io.ErrUnexpectedEOF):
		at, err = int64(len(text)), errors.New("the file ends in the middle of the document")
	}
	line, column := place(text, at)
	return fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
}

// place is the line and the column of an offset, counted from 1.
func place(text []byte, at int64) (line, column int) {
	before := text[:min(max(at-1, 0), int64(len(text)))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}

// findRootfs is the root file system's real place. A symbolic link on the way
// is refused, as runc does: what it leads to can change between this look and
// the next.
func findRootfs(dir, path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path = filepath.Clean(path)
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("invalid rootfs: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("invalid rootfs: %w", &os.PathError{Op: "open", Path: path, Err: unix.ENOTDIR})
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", fmt.Errorf("invalid rootfs: %w", err)
	}
	if real != path {
		return "", fmt.Errorf("invalid rootfs %s: not an absolute path, or a symlink; it is %s", path, real)
	}
	return path, nil
}
