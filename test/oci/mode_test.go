package oci

import (
	"os"
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
