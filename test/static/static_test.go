// Package static holds the promise that bin/shimrun is one file that starts
// anywhere: nothing to load, nothing to find.
package static

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// binary is what the Makefile built; $SHIMRUN names another.
func binary(t *testing.T) string {
	t.Helper()
	name := os.Getenv("SHIMRUN")
	if name == "" {
		name = "../../bin/shimrun"
	}
	if _, err := os.Stat(name); err != nil {
		lack(t, "%v; run make build first", err)
	}
	return name
}

// lack skips a test that cannot be made here, and fails it in CI.
func lack(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func TestNeedsNoLoader(t *testing.T) {
	file, err := elf.Open(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP || program.Type == elf.PT_DYNAMIC {
			t.Errorf("it has a segment %v, and would need a loader", program.Type)
		}
	}
}

func TestStartsInAnEmptyRoot(t *testing.T) {
	name := binary(t)
	if os.Getuid() != 0 {
		lack(t, "only root can change the root directory")
	}
	root := t.TempDir()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "shimrun"), content, 0o755); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		cmd := exec.Command("/shimrun", args...)
		cmd.Dir = "/"
		cmd.Env = []string{}
		cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, args := range [][]string{
		{"--version"},
		{"--profile", "none", "--", "/shimrun", "--version"},
	} {
		if out, err := run(args...); err != nil || !strings.HasPrefix(out, "shimrun ") {
			t.Errorf("shimrun %v: %v\n%s", args, err, out)
		}
	}
	// Without /proc and /dev nothing can be served, and that is said in a line.
	out, err := run("--set", "kernel.panic=1", "--", "/shimrun", "--version")
	if err == nil || strings.Count(out, "\n") != 1 || !strings.HasPrefix(out, "shimrun: ") {
		t.Errorf("with nothing to serve from: %v\n%s", err, out)
	}
}
