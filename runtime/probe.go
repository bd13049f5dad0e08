package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// BackendReport says whether a backend works on this machine.
type BackendReport struct {
	// Name is [BackendSeccomp] or [BackendPtrace].
	Name string
	// Err is nil where a command has run under the backend and was served. It
	// matches [errors.ErrUnsupported] where this machine lacks something.
	Err error
}

// Probe proves each backend, in the order in which auto tries them, by running
// a command under it: a real supervisor, a real launcher, and a file that only
// a served process can read.
func Probe() []BackendReport {
	var reports []BackendReport
	for _, backend := range []string{BackendSeccomp, BackendPtrace} {
		reports = append(reports, BackendReport{backend, probeBackend(backend)})
	}
	return reports
}

// unsupported is an error of a probe: what the machine lacks, said by whoever
// found out.
type unsupported struct{ error }

func (unsupported) Is(target error) bool { return target == errors.ErrUnsupported }

const (
	probeName    = "shimrun-probe"
	probeFile    = "/proc/shimrun-probe"
	probeContent = "served"
	probeProfile = "name: probe\nfiles:\n  " + probeFile + ": {content: " + probeContent + "}\n"
)

func probeBackend(backend string) error {
	if backend == BackendSeccomp {
		// Says what is lacking in fewer words than the launcher.
		if err := seccomp.Probe(); err != nil {
			return err
		}
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	said, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer said.Close()
	plan := Plan{
		Path:    "/proc/self/exe",
		Args:    []string{probeName},
		Backend: backend,
		Profile: []byte(probeProfile),
		Log:     LogPlan{Level: "disabled"},
	}
	pid, err := startLauncher(plan, caller{}, nil, []uintptr{null.Fd(), null.Fd(), say.Fd()}, -1)
	say.Close()
	if err != nil {
		return unsupported{err}
	}
	words, _ := io.ReadAll(said) // until all of it have ended
	switch status := waitFor(pid); {
	case status.Exited() && status.ExitStatus() == 0:
		return nil
	case len(words) > 0:
		return unsupported{errors.New(strings.TrimPrefix(strings.TrimSpace(string(words)), "shimrun: "))}
	default:
		return unsupported{fmt.Errorf("a command was started under the %s backend and not served (wait status %#x)", backend, int(status))}
	}
}

// init is the command of a probe.
func init() {
	if role() != roleProbe {
		return
	}
	text, err := os.ReadFile(probeFile)
	if err != nil || string(text) != probeContent {
		unix.Exit(1)
	}
	unix.Exit(0)
}
