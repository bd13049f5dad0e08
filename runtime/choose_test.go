package runtime

import (
	"os"
	"strings"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// onlyTraps is a policy that can be asked for its traps and nothing else.
type onlyTraps struct{ policy }

func (onlyTraps) Traps() []shim.Trap {
	return []shim.Trap{{Name: "openat", Nr: unix.SYS_OPENAT}}
}

func TestChoice(t *testing.T) {
	needBackend(t, BackendSeccomp) // libseccomp compiles only what the kernel has
	readable := offer{Address: landmarkAddress(), Word: landmark}
	unreadable := offer{Address: 8, Word: 1} // as with Yama's ptrace_scope 1
	lacking := offer{Seccomp: "something is missing"}
	for _, test := range []struct {
		what, asked string
		offer       offer
		want, says  string
	}{
		{"works", BackendAuto, readable, BackendSeccomp, `"backend":"seccomp"`},
		{"not supported", BackendAuto, lacking, BackendPtrace, "something is missing"},
		{"memory cannot be read", BackendAuto, unreadable, BackendPtrace, "ptrace_scope"},
		{"asked for", BackendPtrace, readable, BackendPtrace, `"backend":"ptrace"`},
		{"asked for, not supported", BackendSeccomp, lacking, "", "something is missing"},
		{"asked for, memory cannot be read", BackendSeccomp, unreadable, "", "ptrace_scope"},
	} {
		var log strings.Builder
		s := &supervisor{plan: Plan{Backend: test.asked}, command: os.Getpid(), policy: onlyTraps{}, log: zerolog.New(&log)}
		got := s.choose(test.offer, probeTrap(s.policy.Traps()))
		if got.Backend != test.want || !strings.Contains(log.String()+got.Err, test.says) || (got.Err == "") != (test.want != "") {
			t.Errorf("%s: %q, error %q, log %s", test.what, got.Backend, got.Err, log.String())
		}
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
		{BackendPtrace, BackendPtrace, "operation not permitted", StatusFailed},
	} {
		needBackend(t, test.outer)
		inner := command(t, test.inner, "cat", "/proc/shimtest")
		status, out := wait(t, command(t, test.outer, inner.Args...))
		if status.ExitStatus() != test.status || !strings.Contains(out, test.want) {
			t.Errorf("%s in %s: status %d, %q", test.inner, test.outer, status.ExitStatus(), out)
		}
	}
}
