package builtin

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestFindProgram(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/tool": 0o644, "b/tool": 0o755, "b/folder/x": 0o755} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", os.Getenv("PATH"))
	t.Chdir(filepath.Join(dir, "b"))
	path := "PATH=" + dir + "/a:" + dir + "/b"
	for name, test := range map[string]struct {
		env     []string
		program string
		want    string
		err     error
	}{
		"the first that can be executed": {[]string{path}, "tool", dir + "/b/tool", nil},
		"the last PATH":                  {[]string{"PATH=/nowhere", path}, "tool", dir + "/b/tool", nil},
		"a name with a slash":            {nil, dir + "/b/tool", dir + "/b/tool", nil},
		"a relative name":                {nil, "./tool", "./tool", nil},
		"the working directory in PATH":  {[]string{"PATH=."}, "tool", "tool", nil},
		"without a PATH":                 {nil, "tool", "", exec.ErrNotFound},
		"nowhere":                        {[]string{path}, "none", "", exec.ErrNotFound},
		"no such file":                   {nil, dir + "/none", "", fs.ErrNotExist},
		"not to be executed":             {nil, dir + "/a/tool", "", fs.ErrPermission},
		"a folder in PATH":               {[]string{path}, "folder", "", exec.ErrNotFound},
	} {
		i := &initProcess{}
		err := i.findProgram(&specs.Process{Args: []string{test.program}, Env: test.env})
		if !errors.Is(err, test.err) || test.err == nil && i.program != test.want {
			t.Errorf("%s: %q, %v", name, i.program, err)
		}
	}
}

// A pid file is there as a whole, or not at all.
func TestWritePidFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "pid")
	for _, pid := range []int{4711, 8} {
		if err := WritePidFile(name, pid); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := os.ReadFile(name); string(text) != "8" {
		t.Errorf("%q, %v", text, err)
	}
	if err := WritePidFile(filepath.Join(dir, "nowhere", "pid"), 1); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if err := WritePidFile(filepath.Join(dir), 1); err == nil {
		t.Error("a folder became a pid file")
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 1 {
		t.Errorf("left: %v", entries)
	}
}

// Every limit that a bundle may name has a number of its own.
func TestResources(t *testing.T) {
	seen := map[int]string{}
	for name, number := range resources {
		if other := seen[number]; other != "" {
			t.Errorf("%s and %s are both %d", name, other, number)
		}
		seen[number] = name
	}
	if len(resources) != 16 {
		t.Errorf("%d limits; Linux has 16", len(resources))
	}
}
