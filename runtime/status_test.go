package runtime

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// wait runs a command and gives its wait status.
func wait(t *testing.T, cmd *exec.Cmd) (syscall.WaitStatus, string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.Sys().(syscall.WaitStatus), string(out)
}

func TestExitStatus(t *testing.T) {
	for _, backend := range backends(t) {
		for _, test := range []struct {
			script string
			want   func(syscall.WaitStatus) bool
		}{
			{"exit 0", func(s syscall.WaitStatus) bool { return s.Exited() && s.ExitStatus() == 0 }},
			{"exit 42", func(s syscall.WaitStatus) bool { return s.Exited() && s.ExitStatus() == 42 }},
			{"kill -SEGV $$", func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == syscall.SIGSEGV }},
			{"kill -KILL $$", func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == syscall.SIGKILL }},
			{"kill -TERM $$", func(s syscall.WaitStatus) bool { return s.Signaled() && s.Signal() == syscall.SIGTERM }},
		} {
			if got, out := wait(t, command(t, backend, "sh", "-c", test.script)); !test.want(got) {
				t.Errorf("%s: %s: wait status %#x\n%s", backend, test.script, got, out)
			}
		}
	}
}

func TestFailuresBeforeTheCommand(t *testing.T) {
	dir := t.TempDir()
	garbage := filepath.Join(dir, "garbage")
	if err := os.WriteFile(garbage, []byte{0, 1, 2, 3}, 0o755); err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		plan Plan
		want int
		says string
	}{
		{"missing", Plan{Path: dir + "/missing"}, StatusNotFound, "no such file"},
		{"below a file", Plan{Path: plain + "/x"}, StatusNotFound, "not a directory"},
		{"directory", Plan{Path: dir}, StatusNotExecutable, "is a directory"},
		{"not executable", Plan{Path: plain}, StatusNotExecutable, "permission denied"},
		{"no program", Plan{Path: garbage}, StatusNotExecutable, "exec format error"},
		{"bad profile", Plan{Path: "/bin/true", Profile: []byte("name: x\nno such: key\n")}, StatusFailed, "no such"},
		{"bad log level", Plan{Path: "/bin/true", Log: LogPlan{Level: "loud"}}, StatusFailed, "loud"},
	} {
		for _, backend := range backends(t) {
			plan := test.plan
			plan.Backend = backend
			plan.Args = []string{"x"}
			if plan.Profile == nil {
				plan.Profile = []byte(testProfile)
			}
			got, out := wait(t, launchCommand(t, plan))
			if got.ExitStatus() != test.want || !strings.Contains(out, test.says) || strings.Count(out, "\n") != 1 {
				t.Errorf("%s, %s: status %d, want %d; it says %q", test.what, backend, got.ExitStatus(), test.want, out)
			}
		}
	}
}

func TestLookPath(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"tool": 0o755, "data": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", "/nonexistent:"+dir)
	for name, want := range map[string]int{
		"tool": 0, "data": StatusNotExecutable, "nothing": StatusNotFound,
		dir + "/tool": 0, dir + "/data": StatusNotExecutable, dir + "/nothing": StatusNotFound, dir: StatusNotExecutable,
	} {
		path, err := LookPath(name)
		if statusOf(err) != want {
			t.Errorf("LookPath(%q) = %q, %v; want status %d", name, path, err, want)
		}
	}
}
