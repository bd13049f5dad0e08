package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/test/gvisor"
)

// sandboxed is a gVisor with the binary and a bundle in it.
func sandboxed(t *testing.T, g ground, change func(*specs.Spec)) (s *gvisor.Sandbox, shimrun, dir string) {
	t.Helper()
	gvisor.Require(t)
	// Not below /tmp, where the sandbox has a file system of its own.
	folder, err := os.MkdirTemp("/var/tmp", "shimrun-oci-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o755))
	text, err := os.ReadFile(binary(t))
	must(t, err)
	shimrun = filepath.Join(folder, "shimrun")
	must(t, os.WriteFile(shimrun, text, 0o755))
	dir = newBundle(t, filepath.Join(folder, "bundle"), change)
	return gvisor.Start(t, gvisor.Options{Runsc: g.runsc, Caps: g.caps, Mounts: []string{folder}}), shimrun, dir
}

// A ground is a gVisor, and the capabilities in it: with Docker's nothing can be
// mounted.
type ground struct{ runsc, caps string }

func (g ground) String() string { return g.runsc + "-" + g.caps }

var grounds = []ground{{"debian12", "all"}, {"debian12", "docker"}, {"debian13", "all"}, {"debian13", "docker"}}

func TestInGVisor(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.String(), func(t *testing.T) {
			sandbox, shimrun, dir := sandboxed(t, g, all(script("cat /proc/sys/kernel/panic; pwd; head -1 /proc/self/status; echo x >/dev/null; grep -c ' /proc ' /proc/self/mountinfo; exit 42"), func(s *specs.Spec) {
				s.Process.Cwd = "/bin"
			}))
			out, errOut, code := sandbox.Run(t, shimrun, "--profile", "kubernetes", "run", "--bundle", dir, "c")
			if out != "10\n/bin\nName:\thead\n1\n" || code != 42 || !strings.Contains(errOut, "container c lacks:") {
				t.Errorf("status %d, %q, %s", code, out, errOut)
			}
			out, _, _ = sandbox.Run(t, "sh", "-c", "busybox ls /run/shimrun; grep rootfs /proc/self/mountinfo; pgrep shimrun")
			if out != "" {
				t.Errorf("left behind: %s", out)
			}
		})
	}
}

// The way that containerd goes, one process after the other.
func TestLifecycleInGVisor(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.String(), func(t *testing.T) {
			sandbox, shimrun, dir := sandboxed(t, g, args("sleep", "1000"))
			run := func(want int, args ...string) string {
				t.Helper()
				// What a verb leaves running would keep pipes open.
				out, errOut, code := sandbox.Run(t, append([]string{"sh", "-c", `"$@" </dev/null >/tmp/out 2>&1; code=$?; cat /tmp/out; exit $code`,
					"sh", shimrun, "--profile", "kubernetes"}, args...)...)
				if code != want {
					t.Fatalf("%s: status %d, want %d: %s%s", strings.Join(args, " "), code, want, out, errOut)
				}
				return out + errOut
			}
			has := func(words string, in string) {
				t.Helper()
				if !strings.Contains(in, words) {
					t.Errorf("no %q in %s", words, in)
				}
			}
			run(0, "create", "--bundle", dir, "--pid-file", "/run/pid", "c")
			has(`"status": "created"`, run(0, "state", "c"))
			run(1, "create", "--bundle", dir, "c")
			run(0, "start", "c")
			has(`"status": "running"`, run(0, "state", "c"))
			has("cannot start an already running container", run(1, "start", "c"))
			run(3, "exec", "c", "sh", "-c", "exit 3")
			// Its mounts are told to a process with a supervisor of its own, too.
			has("10\n1\n", run(0, "exec", "c", "sh", "-c", "cat /proc/sys/kernel/panic; grep -c ' /proc ' /proc/self/mountinfo"))
			run(0, "exec", "--detach", "c", "sleep", "2000")
			has("sleep 2000", run(0, "ps", "c"))
			has("that is not stopped: running", run(1, "delete", "c"))
			run(0, "kill", "c", "KILL")
			eventually(t, "it has stopped", func() bool { return strings.Contains(run(0, "state", "c"), `"status": "stopped"`) })
			has("container not running", run(1, "kill", "c"))
			run(0, "delete", "c")
			has("container does not exist", run(1, "state", "c"))
			out, _, _ := sandbox.Run(t, "sh", "-c", "busybox ls /run/shimrun; grep rootfs /proc/self/mountinfo; pgrep sleep | wc -l")
			if strings.TrimSpace(out) != "1" { // the sandbox's own
				t.Errorf("left behind: %s", out)
			}
		})
	}
}
