package oci

import (
	"os"
	"path/filepath"
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
