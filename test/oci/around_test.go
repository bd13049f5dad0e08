package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Below a shimrun whose supervisor traces, a container is served by that one.
func TestBelowAnotherShimrun(t *testing.T) {
	if os.Geteuid() != 0 {
		lack(t, "containers take root here")
	}
	e := newEngine(t, "builtin") // whose profile says 1234
	profile := filepath.Join(t.TempDir(), "around.yaml")
	must(t, os.WriteFile(profile, []byte("sysctls: {kernel.panic: 777}\n"), 0o644))
	dir := newBundle(t, t.TempDir(), script("cat /proc/sys/kernel/panic; exit 7"))
	around := func(backend string, command ...string) result {
		t.Helper()
		return runCommand(t, exec.Command(binary(t), append([]string{"--backend", backend, "--profile", profile, "--"}, command...)...))
	}
	if r := around("ptrace", append(e.command, "run", "--bundle", dir, "c")...); r.code != 7 || r.stdout != "777\n" ||
		!strings.Contains(r.stderr, "profile (a shimrun around this one serves the container, with its own profile)") {
		t.Errorf("run: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	shell := strings.Join(e.command, " ")
	r := around("ptrace", "sh", "-c", shell+" create --bundle "+dir+" c </dev/null >/dev/null 2>&1; "+shell+" state c; "+
		shell+" exec c cat /proc/sys/kernel/panic; "+shell+" delete --force c")
	if r.code != 0 || !strings.Contains(r.stdout, `"io.shimrun.around": "yes"`) || !strings.HasSuffix(r.stdout, "}\n777\n") {
		t.Errorf("create, state, exec, delete: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	if r := around("ptrace", append(e.command, "--strict", "run", "--bundle", dir, "c")...); r.code != 1 || !strings.Contains(r.stderr, "--strict, and the container would lack:") {
		t.Errorf("--strict: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	e.empty(t)
}
