package shells

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newFolder makes a folder with programs that leave a file when they run, and a
// profile that blocks whoever reads it.
func newFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	must(t, os.Mkdir(filepath.Join(folder, "bin"), 0o755))
	ran := []byte("#!/bin/sh\necho \"$0 $*\" >>" + filepath.Join(folder, "ran") + "\n")
	for _, name := range []string{"deploy.sh", "bin/mytool", "bin/checkpoint", "bin/frobnicate"} {
		must(t, os.WriteFile(filepath.Join(folder, name), ran, 0o755))
	}
	for _, name := range []string{"shimrun", "runc"} {
		must(t, os.Symlink(binary(t), filepath.Join(folder, "bin", name)))
	}
	must(t, os.WriteFile(filepath.Join(folder, "production text"), nil, 0o644))
	must(t, unix.Mkfifo(filepath.Join(folder, "endless.yaml"), 0o600))
	return folder
}

// notRun fails where one of the programs has run.
func notRun(t *testing.T, folder, what string) {
	t.Helper()
	if text, err := os.ReadFile(filepath.Join(folder, "ran")); err == nil {
		t.Errorf("%s: it ran %s", what, text)
		must(t, os.Remove(filepath.Join(folder, "ran")))
	}
}
