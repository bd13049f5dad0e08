package oci

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// killer is a hook that kills the process that runs it.
var killer = []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "kill -9 $PPID; sleep 0.2"}}}

// A process of shimrun that dies at a step of its own leaves a container that
// the verbs can deal with: each kind of hook marks a step, and the process in
// whose place it runs.
func TestKilledAtAHook(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		for kind, set := range map[string]func(*specs.Hooks){
			"createRuntime":   func(h *specs.Hooks) { h.CreateRuntime = killer },
			"createContainer": func(h *specs.Hooks) { h.CreateContainer = killer },
			"startContainer":  func(h *specs.Hooks) { h.StartContainer = killer },
			"poststart":       func(h *specs.Hooks) { h.Poststart = killer },
			"poststop":        func(h *specs.Hooks) { h.Poststop = killer },
		} {
			t.Run(e.name+"/"+kind, func(t *testing.T) {
				dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) {
					s.Hooks = &specs.Hooks{}
					set(s.Hooks)
				}))
				e.run(t, "create", "--bundle", dir, "c")
				e.run(t, "start", "c")
				if kind == "poststop" {
					e.run(t, "delete", "--force", "c")
				}
				settles(t, e, dir)
			})
		}
	}
}

// A verb that is killed after any time. The times are spread over what each
// takes; that some hit nothing is as it should be.
func TestKilledAtAnyTime(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
		for _, verb := range []string{"create", "start", "exec", "delete"} {
			t.Run(e.name+"/"+verb, func(t *testing.T) {
				took := measure(t, e, dir, verb)
				for i := range 6 {
					before(t, e, dir, verb)
					cmd := e.cmd(operations(dir)[verb]...)
					if verb == "delete" {
						cmd = e.cmd("delete", "--force", "c")
					}
					must(t, cmd.Start())
					time.Sleep(took * time.Duration(i) / 5)
					_ = cmd.Process.Kill()
					_ = cmd.Wait()
					settles(t, e, dir)
				}
			})
		}
	}
}

// before brings a container into the state that a verb needs.
func before(t *testing.T, e *engine, dir, verb string) {
	t.Helper()
	switch verb {
	case "start":
		bring(t, e, dir, "created")
	case "exec", "delete":
		bring(t, e, dir, "running")
	}
}

func measure(t *testing.T, e *engine, dir, verb string) time.Duration {
	t.Helper()
	before(t, e, dir, verb)
	start := time.Now()
	if verb == "delete" {
		e.ok(t, "delete", "--force", "c")
	} else {
		e.ok(t, operations(dir)[verb]...)
	}
	took := time.Since(start)
	e.ok(t, "delete", "--force", "c")
	return took
}

// settles makes sure that a container, whatever became of it, can be looked
// at, killed and deleted, that nothing of it is left then, and that its name
// can be used again.
func settles(t *testing.T, e *engine, dir string) {
	t.Helper()
	if r := e.run(t, "state", "c"); r.code == 0 {
		var s state
		must(t, json.Unmarshal([]byte(r.stdout), &s))
		if !strings.Contains(" creating created running stopped ", " "+s.Status+" ") {
			t.Errorf("the status is %q", s.Status)
		}
	} else if !strings.Contains(r.stderr, "container does not exist") {
		t.Errorf("state: %s", r.stderr)
	}
	e.ok(t, "list")
	if r := e.run(t, "kill", "c", "KILL"); r.code != 0 &&
		!strings.Contains(r.stderr, "container not running") && !strings.Contains(r.stderr, "container does not exist") {
		t.Errorf("kill: %s", r.stderr)
	}
	e.ok(t, "delete", "--force", "c")
	if status := e.status(t, "c"); status != "none" {
		t.Errorf("after delete it is %s", status)
	}
	eventually(t, "no process is left", func() bool { return len(processesOf(dir)) == 0 })
	e.ok(t, "create", "--bundle", healthy(t, dir), "c")
	e.ok(t, "start", "c")
	e.ok(t, "delete", "--force", "c")
	e.empty(t)
}

// healthy is the bundle without its hooks.
func healthy(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "config.json"))
	must(t, err)
	var spec specs.Spec
	must(t, json.Unmarshal(text, &spec))
	if spec.Hooks == nil {
		return dir
	}
	spec.Hooks = nil
	spec.Root.Path = filepath.Join(dir, "rootfs")
	other := t.TempDir()
	writeConfig(t, other, &spec)
	return other
}

// processesOf are the processes whose root is a bundle's.
func processesOf(dir string) []string {
	var found []string
	want, err := os.Stat(filepath.Join(dir, "rootfs"))
	if err != nil {
		return nil
	}
	roots, _ := filepath.Glob("/proc/[0-9]*/root")
	for _, root := range roots {
		pid := filepath.Base(filepath.Dir(root))
		if info, err := os.Stat(root); err == nil && os.SameFile(info, want) && alive(pid) {
			found = append(found, pid)
		}
	}
	return found
}

// The container's process, or what serves it, dies.
func TestKilledFromOutside(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
		for _, from := range []string{"created", "running"} {
			bring(t, e, dir, from)
			must(t, exec.Command("kill", "-9", itoa(e.state(t, "c").PID)).Run())
			e.become(t, "c", "stopped")
			settles(t, e, dir)
		}
	}
}

// Under the seccomp backend a container survives its supervisor.
func TestSupervisorKilled(t *testing.T) {
	e := newEngine(t, "builtin")
	dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
	bring(t, e, dir, "running")
	text, err := os.ReadFile(filepath.Join(e.root, "c/state.json"))
	must(t, err)
	var s struct {
		Supervisor struct {
			PID int `json:"pid"`
		} `json:"supervisor"`
	}
	must(t, json.Unmarshal(text, &s))
	must(t, exec.Command("kill", "-9", fmt.Sprint(s.Supervisor.PID)).Run())
	if status := e.status(t, "c"); status != "running" {
		t.Errorf("it is %s", status)
	}
	if out := e.ok(t, "exec", "c", "cat", "/proc/sys/kernel/panic"); out != "1234\n" {
		t.Errorf("%q", out)
	}
	settles(t, e, dir)
}

// A number that has come to another process is left alone.
func TestStalePID(t *testing.T) {
	e := newEngine(t, "builtin")
	dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
	bring(t, e, dir, "running")
	bystander := exec.Command("sleep", "1000")
	must(t, bystander.Start())
	defer func() { _ = bystander.Process.Kill(); _ = bystander.Wait() }()
	must(t, exec.Command("kill", "-9", itoa(e.state(t, "c").PID)).Run())
	e.become(t, "c", "stopped")

	// As if the bystander had got the number.
	name := filepath.Join(e.root, "c/state.json")
	text, err := os.ReadFile(name)
	must(t, err)
	var s map[string]any
	must(t, json.Unmarshal(text, &s))
	init := s["init"].(map[string]any)
	init["pid"] = bystander.Process.Pid
	text, err = json.Marshal(s)
	must(t, err)
	must(t, os.WriteFile(name, text, 0o600))

	if status := e.status(t, "c"); status != "stopped" {
		t.Errorf("it is %s", status)
	}
	if r := e.run(t, "kill", "c", "KILL"); r.code != 1 || !strings.Contains(r.stderr, "container not running") {
		t.Errorf("kill: status %d, %s", r.code, r.stderr)
	}
	e.run(t, "kill", "--all", "c", "KILL")
	e.ok(t, "delete", "--force", "c")
	if !alive(itoa(bystander.Process.Pid)) {
		t.Error("the bystander was killed")
	}
}
