package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// stalling is a runtime whose caller does not run while it makes a container,
// from before the runtime connects until after its end: what a loaded machine
// does to some callers.
const stalling = `#!/bin/sh
case " $* " in
*" create "*)
	kill -STOP $PPID
	runc "$@"
	code=$?
	(until grep -q '^State:.Z' /proc/$$/status; do sleep 0.02; done; kill -CONT $PPID) >/dev/null 2>&1 &
	exit $code
	;;
esac
exec runc "$@"
`

// A listener that was handed over is taken, however late: with nobody to hold
// it the process's calls would fail with ENOSYS.
func TestLateHandover(t *testing.T) {
	engines(t) // runc is here
	runtime := filepath.Join(t.TempDir(), "stalling")
	must(t, os.WriteFile(runtime, []byte(stalling), 0o755))
	e := newEngine(t, "delegate", "--runtime", runtime)
	dir := newBundle(t, t.TempDir(), all(script("read word </proc/sys/kernel/panic; exec sleep $word"), func(s *specs.Spec) {
		s.Process.NoNewPrivileges = true // the filter is the last that runc adds
	}))
	bring(t, e, dir, "running")
	if got := e.ok(t, "exec", "c", "cat", "/proc/1/cmdline"); got != "sleep\x001234\x00" {
		t.Errorf("the container became %q", got)
	}
	e.ok(t, "delete", "--force", "c")
	e.empty(t)
}

// others are runtimes that containers can be delegated to beside runc, by what
// has to be written around them on some machines.
var others = map[string]string{
	// It refuses a machine with both kinds of control groups.
	"crun": `#!/bin/sh
test -d /sys/fs/cgroup/unified || exec crun "$@"
exec unshare --mount --propagation slave sh -c 'umount /sys/fs/cgroup/unified; exec crun "$@"' crun "$@"
`,
	"runsc": `#!/bin/sh
exec runsc --platform=ptrace --network=none --ignore-cgroups "$@"
`,
}

func TestOtherRuntimes(t *testing.T) {
	for _, test := range []struct{ runtime, mode string }{{"crun", "delegate"}, {"crun", "within"}, {"runsc", "within"}} {
		t.Run(test.runtime+" "+test.mode, func(t *testing.T) {
			shimrunEngines(t) // root is here
			if _, err := exec.LookPath(test.runtime); err != nil {
				lack(t, "%v; run test/oci/install and test/gvisor/install", err)
			}
			runtime := filepath.Join(t.TempDir(), test.runtime)
			must(t, os.WriteFile(runtime, []byte(others[test.runtime]), 0o755))
			e := newEngine(t, test.mode, "--runtime", runtime)

			r := e.run(t, "run", "--bundle", newBundle(t, t.TempDir(), script("cat /proc/sys/kernel/panic; exit 5")), "c")
			if r.stdout != "1234\n" || r.code != 5 {
				t.Errorf("run: status %d, %q, %s", r.code, r.stdout, r.stderr)
			}
			e.empty(t)

			dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
			e.ok(t, "create", "--bundle", dir, "c")
			e.become(t, "c", "created")
			e.ok(t, "start", "c")
			e.become(t, "c", "running")
			if got := e.ok(t, "exec", "c", "cat", "/proc/sys/kernel/panic"); got != "1234\n" {
				t.Errorf("exec: %q", got)
			}
			if r := e.run(t, "exec", "c", "sh", "-c", "exit 3"); r.code != 3 {
				t.Errorf("exec: status %d, %s", r.code, r.stderr)
			}
			if got := e.ok(t, "exec", "c", "cat", "/proc/1/cmdline"); got != "sleep\x001000\x00" {
				t.Errorf("the container became %q", got)
			}
			if r := e.run(t, "create", "--bundle", dir, "c"); r.code != 1 {
				t.Errorf("a second one of the name: status %d", r.code)
			}
			e.ok(t, "kill", "c", "KILL")
			e.become(t, "c", "stopped")
			e.ok(t, "delete", "c")
			e.empty(t)
		})
	}
}

// A process that exec starts leaves nothing behind that the container's first
// process, which may reap nobody, would have to reap.
func TestExecLeavesNoOrphans(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		bring(t, e, newBundle(t, t.TempDir(), args("sleep", "1000")), "running")
		first := itoa(e.state(t, "c").PID)
		children := func() string {
			text, err := os.ReadFile("/proc/" + first + "/task/" + first + "/children")
			must(t, err)
			return string(text)
		}
		before := children()
		for range 3 {
			e.ok(t, "exec", "c", "cat", "/proc/sys/kernel/panic")
		}
		if after := children(); after != before {
			t.Errorf("%s: its children were %q and are %q", e.name, before, after)
		}
		e.ok(t, "delete", "--force", "c")
	}
}

// The shim is in the container with the program, and the container's rules are
// rules for both.
func TestRulesThatLeaveNoShim(t *testing.T) {
	e := newEngine(t, "within")
	dir := newBundle(t, t.TempDir(), func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"ptrace", "personality"}, Action: specs.ActErrno}},
		}
	})
	r := e.run(t, "create", "--bundle", dir, "c")
	if r.code != 1 || !strings.Contains(r.stderr, "linux.seccomp denies ptrace, which the shim needs") || strings.Contains(r.stderr, "\n") {
		t.Errorf("status %d, %s", r.code, r.stderr)
	}
	e.empty(t)
}

// What the shim needs in a container is gone when the program begins, but for
// the file that it was started by, which nobody can change.
func TestWrapperIsReadOnly(t *testing.T) {
	e := newEngine(t, "within")
	dir := newBundle(t, t.TempDir(), script("ls /proc/$$/fd; env; echo x >/dev/shimrun-within; echo status $?"))
	r := e.run(t, "run", "--bundle", dir, "c")
	reference := newEngine(t, "delegate")
	want := reference.run(t, "run", "--bundle", newBundle(t, t.TempDir(), script("ls /proc/$$/fd; env; echo status 1")), "c").stdout
	if r.stdout != want || !strings.Contains(r.stderr, "Read-only file system") {
		t.Errorf("%q, want %q; %s", r.stdout, want, r.stderr)
	}
}
