package runtime

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
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
		var f figures
		if err := json.Unmarshal(text, &f); err != nil || len(f.Calls) == 0 {
			t.Errorf("%s: %v in %s", backend, err, text)
			continue
		}
		checkFigures(t, f, backend)
	}
}

// checkFigures holds figures to each other.
func checkFigures(t *testing.T, f figures, backend string) {
	seen := uint64(0)
	for _, call := range f.Calls {
		seen += call.Seen
	}
	timed := int64(0)
	if f.Latency != nil {
		for _, b := range f.Latency.Buckets {
			timed += b.Count
			if b.From > b.To || b.To < f.Latency.P50 && b.From > f.Latency.Max {
				t.Errorf("%s: bucket %+v", backend, b)
			}
		}
	}
	switch {
	case f.Backend != backend:
		t.Errorf("backend %q, want %q", f.Backend, backend)
	case timed == 0 || timed > int64(seen) || f.Latency.P50 > f.Latency.P99 || f.Latency.P99 > f.Latency.Max:
		t.Errorf("%s: %d of %d calls timed: %+v", backend, timed, seen, f.Latency)
	case f.Supervisor.PID == 0 || f.Supervisor.User+f.Supervisor.System == 0 || f.Supervisor.MaxResident < 1<<20 || f.Supervisor.Descriptors < 3:
		t.Errorf("%s: %+v", backend, f.Supervisor)
	case !f.Until.After(f.Since) || f.Failed == nil:
		t.Errorf("%s: from %v to %v, failed %v", backend, f.Since, f.Until, f.Failed)
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
