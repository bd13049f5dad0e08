// Package power shows that shimrun adds no power: what a program can do to the
// machine under it, it can do without it, and nothing that the kernel would
// allow is refused.
//
//	                    the same act, by the same caller
//	without the shim ─▶ what it achieves, what others then see changed
//	under the shim   ─▶ must be the same
//
// The acts are in package acts. What a profile serves is made for the run
// without the shim, with the same owners and modes.
//
//	differ_test.go     the table, on each ground and as each caller
//	reasons_test.go    where another outcome is right, and why
//	container_test.go  the table in containers, and ways out of them
//	race_test.go       names that change while they are looked up
//	story_test.go      what does not fit into a table: scripts of testdata
//
// Where is what a program might want to do:
//
//	open what is served again, for writing      descriptor/again-*, served-file-writable-by-nobody
//	reach what is below a closed folder         oracle/*, name/served/closed/*
//	mount as root of a user namespace           own-user/*, own-mounts/*
//	read and write as root of one               name/served/* as root-of-own-namespace, group/*
//	act as root without capabilities            name/bound/*, identity/device-behind-the-mount
//	signal or look into the supervisor          supervisor/*, signal-the-supervisor
//	have others wait                            fifo-holds-everybody, fuse-under-served-name-hangs
//	write to the kernel's own sysctl            sysctl/*, refused-serving-writes-the-host, TestRace
//	write what is no value                      TestRace/*/threads
//	leave a container, look at the host         TestEscape, way/to-the-host/*
package power

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binaries is the folder with everything that runs on a ground: shimrun, the
// victim, the profiles. The same in every sandbox.
var binaries string

func TestMain(m *testing.M) {
	code := 1
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = m.Run()
	}
	_ = os.RemoveAll(binaries)
	os.Exit(code)
}

// build makes the folder. SHIMRUN names a shimrun that is built already.
func build() (err error) {
	if binaries, err = os.MkdirTemp("/var/tmp", "shimrun-power-"); err != nil {
		return err
	}
	if err := os.Chmod(binaries, 0o755); err != nil {
		return err
	}
	if err := run("go", "build", "-o", victim(), "./victim"); err != nil {
		return err
	}
	shimrun := os.Getenv("SHIMRUN")
	if shimrun == "" {
		shimrun = "../../bin/shimrun"
	}
	return run("cp", shimrun, shim())
}

func victim() string { return filepath.Join(binaries, "victim") }
func shim() string   { return filepath.Join(binaries, "shimrun") }

func run(args ...string) error {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// lack skips a test that cannot be made here, and fails it in CI.
func lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
