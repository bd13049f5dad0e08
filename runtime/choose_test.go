package runtime

import (
	"os"
	"strings"
	"testing"
)

// Where the launcher's memory cannot be read, as with Yama's ptrace_scope 1, the
// seccomp backend is not taken.
func TestUnreadableMemory(t *testing.T) {
	needBackend(t, BackendSeccomp)
	s := &supervisor{command: os.Getpid(), launcher: launcher{landmark: landmarkAddress()}}
	if err := s.lacks(); err != nil {
		t.Errorf("readable: %v", err)
	}
	s.launcher.landmark = 8
	if err := s.lacks(); err == nil || !strings.Contains(err.Error(), "ptrace_scope") {
		t.Errorf("unreadable: %v", err)
	}
}

// Under a shimrun that listens already, ptrace is the way out, where the outer
// one does not get the calls first; where it does, nothing is started.
func TestNested(t *testing.T) {
	for _, test := range []struct {
		outer, inner, want string
		status             int
	}{
		{BackendSeccomp, BackendAuto, "does not reach the tracer", StatusFailed},
		{BackendSeccomp, BackendSeccomp, "busy", StatusFailed},
		{BackendPtrace, BackendAuto, "hello\n", 0},
		{BackendPtrace, BackendPtrace, "this runs under shimrun already", StatusFailed},
	} {
		needBackend(t, test.outer)
		inner := command(t, test.inner, "cat", "/proc/shimtest")
		status, out := wait(t, command(t, test.outer, inner.Args...))
		if status.ExitStatus() != test.status || !strings.Contains(out, test.want) {
			t.Errorf("%s in %s: status %d, %q", test.inner, test.outer, status.ExitStatus(), out)
		}
	}
}
