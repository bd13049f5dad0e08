package oci

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// engine is one runtime under test, with a root of its own.
type engine struct {
	name    string
	command []string
	root    string
	// reference is runc: what it does is what is expected, where the
	// specification leaves it open.
	reference bool
}

// engines are shimrun in each mode, and runc.
func engines(t *testing.T) []*engine {
	t.Helper()
	list := shimrunEngines(t)
	if path, err := exec.LookPath("runc"); err == nil {
		root := filepath.Join(t.TempDir(), "runc")
		list = append(list, &engine{"runc", []string{path, "--root", root}, root, true})
	} else {
		lack(t, "%v; run test/oci/install", err)
	}
	return list
}

func shimrunEngines(t *testing.T) []*engine {
	t.Helper()
	if os.Geteuid() != 0 {
		lack(t, "containers take root here")
	}
	var list []*engine
	for _, mode := range modes {
		list = append(list, newEngine(t, mode))
	}
	return list
}

// newEngine is shimrun in a mode. The served profile makes sure that there is a
// shim, whatever the machine lacks.
func newEngine(t *testing.T, mode string, flags ...string) *engine {
	t.Helper()
	root := filepath.Join(t.TempDir(), mode)
	profile := filepath.Join(t.TempDir(), "served.yaml")
	must(t, os.WriteFile(profile, []byte("name: served\nsysctls: {kernel.panic: 1234}\n"), 0o644))
	e := &engine{mode, slices.Concat([]string{binary(t), "--root", root, "--profile", profile}, modeFlags(mode), flags), root, false}
	t.Cleanup(func() { e.sweep(t) })
	return e
}

// sweep removes what a failed test has left.
func (e *engine) sweep(t *testing.T) {
	out, _ := exec.Command(e.command[0], append(e.command[1:], "list", "-q")...).Output()
	for _, id := range strings.Fields(string(out)) {
		_ = exec.Command(e.command[0], append(e.command[1:], "delete", "--force", id)...).Run()
	}
}

// result is what a command printed, and its exit status.
type result struct {
	stdout, stderr string
	code           int
}

func (e *engine) cmd(args ...string) *exec.Cmd {
	return exec.Command(e.command[0], append(e.command[1:], args...)...)
}

// run runs a verb to its end. Its standard files are files, as what it leaves
// running would keep pipes open.
func (e *engine) run(t testing.TB, args ...string) result {
	t.Helper()
	return runCommand(t, e.cmd(args...))
}

func runCommand(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	stdout, err := os.CreateTemp(t.TempDir(), "out")
	must(t, err)
	defer stdout.Close()
	stderr, err := os.CreateTemp(t.TempDir(), "err")
	must(t, err)
	defer stderr.Close()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	must(t, cmd.Start())
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	err = cmd.Wait()
	if !timer.Stop() {
		t.Errorf("%s: not within a minute", strings.Join(cmd.Args, " "))
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	out, err := os.ReadFile(stdout.Name())
	must(t, err)
	errOut, err := os.ReadFile(stderr.Name())
	must(t, err)
	return result{string(out), string(bytes.TrimSpace(errOut)), cmd.ProcessState.ExitCode()}
}

// ok runs a verb that has to succeed, and gives its output.
func (e *engine) ok(t testing.TB, args ...string) string {
	t.Helper()
	r := e.run(t, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: status %d, %s", e.name, strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// state is what `state` says.
type state struct {
	ID          string            `json:"id"`
	PID         int               `json:"pid"`
	Status      string            `json:"status"`
	Bundle      string            `json:"bundle"`
	Version     string            `json:"ociVersion"`
	Annotations map[string]string `json:"annotations"`
}

func (e *engine) state(t testing.TB, id string) state {
	t.Helper()
	var s state
	must(t, json.Unmarshal([]byte(e.ok(t, "state", id)), &s))
	return s
}

// status is the container's status, or "none".
func (e *engine) status(t testing.TB, id string) string {
	t.Helper()
	r := e.run(t, "state", id)
	if r.code != 0 {
		if !strings.Contains(r.stderr, "does not exist") {
			t.Fatalf("state: %s", r.stderr)
		}
		return "none"
	}
	var s state
	must(t, json.Unmarshal([]byte(r.stdout), &s))
	return s.Status
}

// become waits until a container has a status.
func (e *engine) become(t testing.TB, id, status string) {
	t.Helper()
	eventually(t, id+" is "+status, func() bool { return e.status(t, id) == status })
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// empty makes sure that nothing of any container is left.
func (e *engine) empty(t testing.TB) {
	t.Helper()
	entries, err := os.ReadDir(e.root)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		t.Errorf("%s left %s behind", e.name, entry.Name())
	}
}

// alive tells whether a process is there, and no zombie: where this runs,
// nobody may be taking in orphans.
func alive(pid string) bool {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return rest != "" && rest[0] != 'Z' && rest[0] != 'X'
}
