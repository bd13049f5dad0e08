package oci

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/runtime/bundle"
)

// lack skips a test that cannot be made here, and fails it in CI.
func lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// binary is what the Makefile built; $SHIMRUN names another.
func binary(t testing.TB) string {
	t.Helper()
	name := os.Getenv("SHIMRUN")
	if name == "" {
		name = "../../bin/shimrun"
	}
	name, err := filepath.Abs(name)
	if err == nil {
		_, err = os.Stat(name)
	}
	if err != nil {
		lack(t, "%v; run make build first", err)
	}
	return name
}

// busybox finds one that needs no library.
func busybox(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("busybox")
	if err != nil {
		lack(t, "%v; run test/oci/install", err)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, program := range file.Progs {
		if program.Type == elf.PT_INTERP {
			lack(t, "%s needs libraries; run test/oci/install", path)
		}
	}
	return path
}

// applets are the commands that the bundles have.
var applets = []string{
	"sh", "cat", "echo", "env", "id", "sleep", "true", "false", "ls", "pwd", "mount", "ps", "tty", "stat", "test", "mkdir",
	"touch", "readlink", "grep", "kill", "rm", "hostname", "stty", "head", "umount", "setsid", "mknod", "wc", "chroot",
	"unshare",
}

// bundles counts them.
var bundles atomic.Int32

// newBundle makes a bundle of busybox in dir; change gets the example's
// specification to change it.
func newBundle(t testing.TB, dir string, change func(*specs.Spec)) string {
	t.Helper()
	program := busybox(t)
	must(t, os.MkdirAll(filepath.Join(dir, "rootfs/bin"), 0o755))
	must(t, os.MkdirAll(filepath.Join(dir, "rootfs/etc"), 0o755))
	text, err := os.ReadFile(program)
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "rootfs/bin/busybox"), text, 0o755))
	for _, name := range applets {
		must(t, os.Symlink("busybox", filepath.Join(dir, "rootfs/bin", name)))
	}
	must(t, os.WriteFile(filepath.Join(dir, "rootfs/etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n"), 0o644))
	spec := bundle.Example()
	spec.Process.Terminal = false
	// Without a path it would be the container's name, which many tests share.
	spec.Linux.CgroupsPath = fmt.Sprintf("/shimrun-test-%d-%d", os.Getpid(), bundles.Add(1))
	if change != nil {
		change(spec)
	}
	writeConfig(t, dir, spec)
	return dir
}

func writeConfig(t testing.TB, dir string, spec any) {
	t.Helper()
	text, err := json.MarshalIndent(spec, "", "\t")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
}

func readConfig(t testing.TB, dir string) *specs.Spec {
	t.Helper()
	spec, err := bundle.ReadSpec(filepath.Join(dir, bundle.ConfigName))
	must(t, err)
	return spec
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// args sets what the container runs.
func args(words ...string) func(*specs.Spec) {
	return func(s *specs.Spec) { s.Process.Args = words }
}

// script sets a shell script that the container runs.
func script(text string) func(*specs.Spec) { return args("sh", "-c", text) }

// all applies several changes.
func all(changes ...func(*specs.Spec)) func(*specs.Spec) {
	return func(s *specs.Spec) {
		for _, change := range changes {
			change(s)
		}
	}
}
