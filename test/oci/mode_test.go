package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// auto tries the other runtime out once, and takes it where it works.
func TestAuto(t *testing.T) {
	engines(t) // runc is here
	dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
	for runtime, want := range map[string]string{"runc": "delegate", "/bin/false": "builtin", "/no/such/runtime": "builtin"} {
		e := newEngine(t, "auto", "--runtime", runtime)
		for range 2 {
			bring(t, e, dir, "running")
			if got := e.state(t, "c").Annotations["io.shimrun.mode"]; got != want {
				t.Errorf("with %s it is mode %q, want %q", runtime, got, want)
			}
			if got := e.ok(t, "exec", "c", "cat", "/proc/sys/kernel/panic"); got != "1234\n" {
				t.Errorf("with %s the container reads %q", runtime, got)
			}
			e.ok(t, "delete", "--force", "c")
		}
		text, err := os.ReadFile(filepath.Join(e.root, "delegation~"))
		if runtime == "/no/such/runtime" {
			continue
		}
		if err != nil || strings.Contains(string(text), " works") != (want == "delegate") {
			t.Errorf("with %s the answer kept is %q, %v", runtime, text, err)
		}
	}
}

// Where calls cannot be handed to the outside, auto has the shim enter the
// container, and keeps that answer too.
func TestAutoEnters(t *testing.T) {
	engines(t) // root is here
	if _, err := exec.LookPath("runsc"); err != nil {
		lack(t, "%v; run test/gvisor/install", err)
	}
	runtime := filepath.Join(t.TempDir(), "sandbox")
	must(t, os.WriteFile(runtime, []byte(others["runsc"]), 0o755))
	e := newEngine(t, "auto", "--runtime", runtime)
	dir := newBundle(t, t.TempDir(), script("cat /proc/sys/kernel/panic"))
	for range 2 {
		if r := e.run(t, "run", "--bundle", dir, "c"); r.stdout != "1234\n" || strings.Contains(r.stderr, "lacks") {
			t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
		}
	}
	text, err := os.ReadFile(filepath.Join(e.root, "delegation~"))
	if err != nil || !strings.HasSuffix(string(text), " works with the shim in the container\n") {
		t.Errorf("the answer kept is %q, %v", text, err)
	}
}
