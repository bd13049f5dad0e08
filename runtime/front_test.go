package runtime

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/shimrun/shimrun/shim"
)

func TestStatistics(t *testing.T) {
	for _, backend := range backends(t) {
		file := t.TempDir() + "/stats.json"
		cmd := launchCommand(t, Plan{
			Path: "/bin/sh", Args: []string{"sh", "-c", "cat /proc/shimtest; exit 9"},
			Backend: backend, Profile: []byte(testProfile), Stats: true, StatsFile: file,
		})
		status, out := wait(t, cmd)
		if status.ExitStatus() != 9 || !strings.HasPrefix(out, "hello\n") || !strings.Contains(out, "openat") || !strings.Contains(out, "p99") {
			t.Errorf("%s: status %d\n%s", backend, status.ExitStatus(), out)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var snapshot shim.Snapshot
		if err := json.Unmarshal(text, &snapshot); err != nil || len(snapshot.Calls) == 0 {
			t.Errorf("%s: %v in %s", backend, err, text)
		}
	}
}

func TestStatisticsEndAsTheCommand(t *testing.T) {
	run := func(script string) *exec.Cmd {
		return launchCommand(t, Plan{
			Path: "/bin/sh", Args: []string{"sh", "-c", script},
			Backend: BackendAuto, Profile: []byte(testProfile), StatsFile: t.TempDir() + "/stats.json",
		})
	}
	if status, out := wait(t, run("kill -SEGV $$")); !status.Signaled() || status.Signal() != syscall.SIGSEGV {
		t.Errorf("wait status %#x\n%s", status, out)
	}
	if status, out := wait(t, run("kill -TERM $PPID; sleep 10")); !status.Signaled() || status.Signal() != syscall.SIGTERM {
		t.Errorf("a signal to the front: wait status %#x\n%s", status, out)
	}
	status, out := wait(t, launchCommand(t, Plan{Path: "/bin/sh", Args: []string{"sh"}, Backend: BackendAuto, Profile: []byte("bad: ["), Stats: true}))
	if status.ExitStatus() != StatusFailed || strings.Count(out, "\n") != 1 {
		t.Errorf("status %d, %q", status.ExitStatus(), out)
	}
}
