package oci

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func itoa(n int) string { return strconv.Itoa(n) }

// The program has the descriptors that it was to have, and no others.
func TestDescriptors(t *testing.T) {
	extra, err := os.Open("/etc/passwd")
	must(t, err)
	defer extra.Close()
	for _, e := range engines(t) {
		dir := newBundle(t, t.TempDir(), script("ls /proc/$$/fd; head -c 5 <&3"))
		cmd := e.cmd("run", "--preserve-fds", "1", "--bundle", dir, "c")
		_, err := extra.Seek(0, 0)
		must(t, err)
		cmd.ExtraFiles = []*os.File{extra, extra, extra}
		r := runCommand(t, cmd)
		if r.stdout != "0\n1\n2\n3\nroot:" {
			t.Errorf("%s: status %d, %q, %s", e.name, r.code, r.stdout, r.stderr)
		}
	}
}

// The working directory cannot be one of the runtime's own.
func TestWorkingDirectoryStaysInside(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		for fd := range 20 {
			dir := newBundle(t, t.TempDir(), all(script("pwd; ls"), func(s *specs.Spec) {
				s.Process.Cwd = "/proc/self/fd/" + itoa(fd)
				s.Root.Readonly = false
			}))
			r := e.run(t, "run", "--bundle", dir, "c")
			if r.code == 0 {
				t.Errorf("%s: descriptor %d leads to %q", e.name, fd, r.stdout)
			}
			e.empty(t)
		}
	}
}

func TestPidFile(t *testing.T) {
	for _, e := range engines(t) {
		dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
		name := filepath.Join(t.TempDir(), "pid")
		e.ok(t, "create", "--bundle", dir, "--pid-file", name, "c")
		text, err := os.ReadFile(name)
		must(t, err)
		if want := itoa(e.state(t, "c").PID); string(text) != want {
			t.Errorf("%s: %q, want %q", e.name, text, want)
		}
		e.ok(t, "delete", "--force", "c")
	}
}
