package runtime

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become somebody else")
	}
}

// publicSelf copies the test binary to where any user can execute it.
func publicSelf(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "shimrun")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if out, err := exec.Command("cp", self(t), dir+"/self").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir + "/self"
}

// Without privileges both backends work, at the price of no_new_privs.
func TestUnprivileged(t *testing.T) {
	needRoot(t)
	binary := publicSelf(t)
	for _, backend := range append(backends(t), BackendAuto) {
		cmd := command(t, backend, "sh", "-c", "cat /proc/shimtest; setpriv --dump | grep no_new_privs; id -u")
		cmd.Args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", binary}, cmd.Args[1:]...)
		cmd.Path, _ = exec.LookPath("setpriv")
		out, err := cmd.Output()
		if want := "hello\nno_new_privs: 1\n65534\n"; err != nil || string(out) != want {
			t.Errorf("%s: %q, %v; want %q", backend, out, err, want)
		}
	}
}

// A privileged caller's setuid programs still gain what they should.
func TestSetuidProgram(t *testing.T) {
	needRoot(t)
	dir, err := os.MkdirTemp("/tmp", "shimrun")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_ = os.Chmod(dir, 0o755)
	id, err := exec.LookPath("id")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("sh", "-c", "cp "+id+" "+dir+"/id && chmod 4755 "+dir+"/id").CombinedOutput(); err != nil {
		t.Fatalf("%s", out)
	}
	args := []string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", dir + "/id"}
	if out, _ := exec.Command(args[0], args[1:]...).CombinedOutput(); !strings.Contains(string(out), "euid=0(root)") {
		t.Skipf("setuid programs do not work here without shimrun either: %s", out)
	}
	for _, backend := range backends(t) {
		cmd := command(t, backend, args...)
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "euid=0(root)") {
			t.Errorf("%s: %q, %v", backend, out, err)
		}
	}
}
