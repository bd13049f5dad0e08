package textfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWritable(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("there", []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{"dangling": "new", "broken": "none/new"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{
		"": nil, "-": nil, "new": nil, "there": nil, "dangling": nil, "/dev/null": nil,
		".": unix.EISDIR, "none/file": fs.ErrNotExist, "there/file": unix.ENOTDIR, "broken": fs.ErrNotExist,
		"/proc/new": fs.ErrNotExist, // where not even root can make one
	} {
		if err := Writable(name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	for name, want := range map[string]error{"": nil, ".": nil, "a/b/c": nil, "there": unix.ENOTDIR, "there/x": unix.ENOTDIR} {
		if err := WritableFolder(name); !errors.Is(err, want) {
			t.Errorf("folder %s: %v, want %v", name, err, want)
		}
	}
	if text, _ := os.ReadFile("there"); string(text) != "text" {
		t.Errorf("what was there is %q now", text)
	}
	if left, _ := filepath.Glob("*"); len(left) != 3 {
		t.Errorf("left: %v", left)
	}
}
