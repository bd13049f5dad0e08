package runtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
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

// probed is what Probe says on this machine.
var probed = sync.OnceValue(Probe)

// backends are those that this machine can have.
func backends(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, report := range probed() {
		if report.Err == nil {
			list = append(list, report.Name)
		}
	}
	if len(list) == 0 {
		t.Fatal("no backend works here")
	}
	return list
}

func needBackend(t *testing.T, name string) {
	t.Helper()
	if !slices.Contains(backends(t), name) {
		t.Skipf("the %s backend does not work here", name)
	}
}

func TestServedFile(t *testing.T) {
	for _, backend := range backends(t) {
		cmd := command(t, backend, "cat", "/proc/shimtest")
		out, err := cmd.CombinedOutput()
		if err != nil || string(out) != "hello\n" {
			t.Errorf("%s: got %q, %v; want %q", backend, out, err, "hello\n")
		}
	}
}

// What does not work has to be this machine's fault.
func TestProbe(t *testing.T) {
	works := 0
	for _, report := range Probe() {
		switch {
		case report.Err == nil:
			works++
		case errors.Is(report.Err, errors.ErrUnsupported):
			t.Logf("%s: %v", report.Name, report.Err)
		default:
			t.Errorf("%s: %v", report.Name, report.Err)
		}
	}
	if works == 0 {
		t.Error("no backend works here")
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
