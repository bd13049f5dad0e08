package runtime

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// command is a command to run under the shim of [testPolicy].
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

func TestServedFile(t *testing.T) {
	cmd := command(t, BackendSeccomp, "cat", "/shimrun/hello")
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "hello\n" {
		t.Fatalf("got %q, %v; want %q", out, err, "hello\n")
	}
}

func TestProbe(t *testing.T) {
	for _, report := range Probe() {
		if report.Err != nil {
			t.Errorf("%s: %v", report.Name, report.Err)
		}
	}
}
