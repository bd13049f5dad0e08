package runtime

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// testProfile is the profile of [testPolicy], which knows a few names under
// /shimrun and needs no tree: the launcher's tests are about processes.
const testProfile = "test"

// It replaces the real policy for that profile before any init runs: the test
// binary is its own supervisor.
var _ = func() bool {
	real := newPolicy
	newPolicy = func(plan Plan, log zerolog.Logger) (policy, error) {
		if string(plan.Profile) == testProfile {
			return testPolicy{}, nil
		}
		return real(plan, log)
	}
	return true
}()

type testPolicy struct{}

func (testPolicy) Traps() []shim.Trap {
	return []shim.Trap{{Name: "openat", Nr: unix.SYS_OPENAT}}
}
func (testPolicy) Timed() bool            { return false }
func (testPolicy) Close() error           { return nil }
func (testPolicy) worker() seccomp.Worker { return &testWorker{} }

type testWorker struct{ path [256]byte }

func (w *testWorker) Answered(*shim.Call, shim.Answer, time.Time) {}

func (w *testWorker) Handle(c *shim.Call) shim.Answer {
	n, err := c.Tracee.ReadMemory(c.Args[1], w.path[:])
	if err != nil || !bytes.HasPrefix(w.path[:n], []byte("/shimrun/")) {
		return shim.Answer{}
	}
	name, _, _ := strings.Cut(string(w.path[:n]), "\x00")
	switch name {
	case "/shimrun/hello":
		return serveBytes("hello\n", int(c.Args[2]))
	case "/shimrun/supervisor":
		// How the tests find the process that answers.
		return serveBytes(strconv.Itoa(os.Getpid())+"\n", int(c.Args[2]))
	case "/shimrun/eperm":
		return shim.Answer{Kind: shim.Fail, Errno: unix.EPERM}
	}
	return shim.Answer{}
}

func serveBytes(text string, flags int) shim.Answer {
	fd, err := unix.MemfdCreate("served", unix.MFD_CLOEXEC)
	if err != nil {
		return shim.Answer{Kind: shim.Fail, Errno: err.(unix.Errno)}
	}
	_, _ = unix.Write(fd, []byte(text))
	return shim.Answer{Kind: shim.Install, FD: fd, Flags: flags, CloseFD: true}
}

func (testPolicy) Snapshot() shim.Snapshot              { return shim.Snapshot{} }
func (testPolicy) tracer(zerolog.Logger) *ptrace.Tracer { panic("the test policy has no shim") }
