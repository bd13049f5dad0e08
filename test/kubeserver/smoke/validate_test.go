package smoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program is a binary of shimrun's: that of a variable, or the one that make
// has put into bin.
func program(t *testing.T, variable, name, target string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		path = "../../../bin/" + name
	}
	path, err := filepath.Abs(path)
	if err == nil {
		_, err = os.Stat(path)
	}
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%v; make %s builds it", err, target)
	}
	t.Skipf("%v; make %s builds it, or set %s", err, target, variable)
	return ""
}

// validated is what a test looks at in a --json report.
type validated struct {
	Passed, Interrupted bool
	Criteria            []struct {
		Name, Got string
		Passed    bool
	}
	Runs []struct {
		Under   bool `json:"under_shimrun"`
		Looks   []map[string]any
		Shimrun *struct{ Backend string }
	}
	Sides []struct {
		Interceptions uint64
		Success       float64 `json:"redirect_success"`
	}
}

// validate starts shimrun validate on a ground, which has to end with a status.
func validate(t *testing.T, g ground, status int, interrupt string, args ...string) (v validated, out string) {
	t.Helper()
	validate := program(t, "SHIMRUN_VALIDATE", "shimrun-validate", "validate")
	shimrun := program(t, "SHIMRUN", "shimrun", "build")
	dir := t.TempDir()
	experiment, rest := args[0], args[1:]
	command := append([]string{validate, "--shimrun=" + shimrun, experiment, "--json", dir + "/r.json", "--html", dir + "/r.html", "--markdown", dir + "/r.md"}, rest...)
	cmd := g.command(command...)
	var output lockedBuffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if interrupt != "" {
		log := interrupt
		for range 1200 {
			if text, _ := os.ReadFile(log); bytes.Contains(text, []byte("Kube API server is now running")) {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		cmd.Process.Signal(os.Interrupt)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if code := cmd.ProcessState.ExitCode(); code != status || err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: status %d, want %d (%v)\n%s", args, code, status, err, output.String())
	}
	t.Logf("%s", output.String())
	if status == 125 {
		return v, output.String()
	}
	text, err := os.ReadFile(dir + "/r.json")
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatal(err)
	}
	for file, wants := range map[string][]string{"/r.html": {"<svg", "Next steps"}, "/r.md": {"## Hypothesis", "## Method", "## Results", "## Analysis", "## Next steps"}} {
		text, err := os.ReadFile(dir + file)
		for _, want := range wants {
			if err != nil || !bytes.Contains(text, []byte(want)) {
				t.Errorf("%s: no %q, %v", file, want, err)
			}
		}
	}
	return v, output.String()
}

// TestValidate is the command on a real server, natively.
func TestValidate(t *testing.T) {
	g := newNative(t)
	server := []string{"--", g.path, "server"}
	t.Run("control-plane", func(t *testing.T) {
		v, _ := validate(t, g, 0, "", append([]string{"control-plane", "--under=--profile=kubernetes"}, append(server, "--disable-agent")...)...)
		if len(v.Runs) != 1 || !v.Passed || v.Runs[0].Shimrun == nil {
			t.Errorf("%+v", v)
		}
	})
	t.Run("worker", func(t *testing.T) {
		v, _ := validate(t, g, 0, "", append([]string{"worker", "--compare", "--under=--profile=kubernetes", "--under=--backend=seccomp"}, server...)...)
		if len(v.Runs) != 2 || len(v.Sides) != 2 || v.Sides[0].Interceptions < 1000 || v.Sides[0].Success != 1 ||
			v.Runs[0].Shimrun == nil || v.Runs[0].Shimrun.Backend != "seccomp" {
			t.Errorf("%+v", v)
		}
	})
	// Half a minute is too short to judge growth; what is looked at is there.
	t.Run("stability", func(t *testing.T) {
		v, _ := validate(t, g, 0, "", append([]string{"stability", "--for=30s", "--every=3s", "--under=--profile=kubernetes", "--under=--backend=seccomp"}, append(server, "--disable-agent")...)...)
		if len(v.Runs) != 1 || len(v.Runs[0].Looks) != 11 {
			t.Fatalf("%+v", v)
		}
		for _, look := range v.Runs[0].Looks {
			if look["supervisor"] == nil || look["server"] == nil || look["error"] != nil {
				t.Errorf("a look: %v", look)
			}
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		log := filepath.Join(t.TempDir(), "log")
		v, out := validate(t, g, 1, log, append([]string{"stability", "--under=--profile=kubernetes", "--server-log=" + log}, append(server, "--disable-agent")...)...)
		if v.Passed || !v.Interrupted || !strings.Contains(out, "interrupted") {
			t.Errorf("%+v", v)
		}
		// The server is gone: its port is free.
		if out, err := g.command("sh", "-c", "! ss -ltn | grep :6443").CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("failing server", func(t *testing.T) {
		_, out := validate(t, g, 1, "", append([]string{"control-plane", "--without"}, append(server, "--disable-agent", "--kube-apiserver-arg=nonsense=1")...)...)
		if !strings.Contains(out, "| ") || !strings.Contains(out, "unknown flag: --nonsense") || !strings.Contains(out, "the server ended: exit status 1") {
			t.Errorf("%s", out)
		}
	})
	t.Run("impossible", func(t *testing.T) {
		for says, args := range map[string][]string{
			"shimrun: ":          append([]string{"control-plane", "--under=--profile=/nowhere.yaml"}, append(server, "--disable-agent")...),
			"nothing to measure": {"worker"},
			"connection refused": {"control-plane", "--kubeconfig", deadKubeconfig(t)},
		} {
			if _, out := validate(t, g, 125, "", args...); !strings.Contains(out, says) {
				t.Errorf("%v: no %q in %s", args, says, out)
			}
		}
	})
	t.Run("running cluster", func(t *testing.T) {
		s := start(t, g, "--disable-agent")
		s.eventually("API server ready", patience, contains("ok"), "", "get", "--raw", "/readyz")
		validate(t, g, 0, "", "control-plane", "--kubeconfig", s.kubeconfig)
		// One that exists is somebody's.
		_, out := validate(t, g, 1, "", "control-plane", "--namespace=default", "--kubeconfig", s.kubeconfig)
		if !strings.Contains(out, "choose another with --namespace") {
			t.Error(out)
		}
		terminate(t, s)
	})
}

func deadKubeconfig(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "kubeconfig")
	text := `{"apiVersion": "v1", "kind": "Config", "current-context": "x", "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
		"clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1:1"}}], "users": [{"name": "x", "user": {}}]}`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
