package runtime

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// command is a command to run under the shim of [testProfile].
func command(t *testing.T, backend string, args ...string) *exec.Cmd {
	t.Helper()
	path, err := exec.LookPath(args[0])
	if err != nil {
		t.Fatal(err)
	}
	return launchCommand(t, Plan{Path: path, Args: args, Backend: backend, Profile: []byte(testProfile)})
}

func launchCommand(t *testing.T, plan Plan) *exec.Cmd {
	t.Helper()
	document, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	return exec.Command(self(t), "-launch", string(document))
}

func self(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

var bothBackends = []string{BackendSeccomp, BackendPtrace}

func TestServedFile(t *testing.T) {
	for _, backend := range bothBackends {
		cmd := command(t, backend, "cat", "/proc/shimtest")
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "hello\n" {
			t.Errorf("%s: got %q, %v; want %q", backend, out, err, "hello\n")
		}
	}
}

func TestProbe(t *testing.T) {
	for _, report := range Probe() {
		if report.Err != nil {
			t.Errorf("%s: %v", report.Name, report.Err)
		}
	}
}

// awaitCommand waits until the launcher has become the command, whose argv[0] is name.
func awaitCommand(t *testing.T, cmd *exec.Cmd, name string) {
	t.Helper()
	eventually(t, "the launcher is "+name, func() bool {
		line, _ := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/cmdline")
		return bytes.HasPrefix(line, []byte(name+"\x00"))
	})
}

func itoa(n int) string { return strconv.Itoa(n) }

// signalAll sends a process what a service manager or a terminal may.
func signalAll(t *testing.T, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTSTP, syscall.SIGUSR1} {
		if err := syscall.Kill(n, sig); err != nil {
			t.Error(err)
		}
	}
}
