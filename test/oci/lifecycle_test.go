package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// modes are those of shimrun's that the tests run. "within" is delegate with
// the shim in the container.
var modes = []string{"builtin", "delegate", "within"}

// modeFlags are what chooses one.
func modeFlags(mode string) []string {
	if mode == "within" {
		return []string{"--mode", "delegate", "--backend", "ptrace"}
	}
	return []string{"--mode", mode}
}

// outcome is what an operation has to come to: the status that the container
// has afterwards, and for an error some of its words.
type outcome struct {
	code   int
	says   string
	status string
}

// lifecycle is the specification's table ("Operations"): each operation in each
// state. What it calls an error has no effect on the container. Where it leaves
// something open (a created container may be deleted; a stopped one may be
// killed with --all) the table has what runc does.
var lifecycle = map[string]map[string]outcome{
	"none": {
		"state":      {1, "container does not exist", "none"},
		"start":      {1, "container does not exist", "none"},
		"kill":       {1, "container does not exist", "none"},
		"kill --all": {1, "container does not exist", "none"},
		"delete":     {1, "container does not exist", "none"},
		"delete -f":  {0, "", "none"},
		"exec":       {255, "container does not exist", "none"},
		"pause":      {1, "container does not exist", "none"},
		"resume":     {1, "container does not exist", "none"},
		"ps":         {1, "container does not exist", "none"},
		"events":     {1, "container does not exist", "none"},
		"create":     {0, "", "created"},
	},
	"created": {
		"state":      {0, "", "created"},
		"start":      {0, "", "running"},
		"kill":       {0, "", "stopped"},
		"kill --all": {0, "", "stopped"},
		"kill 0":     {0, "", "created"},
		"kill FOO":   {1, `unknown signal \"FOO\"`, "created"},
		"delete":     {0, "", "none"},
		"delete -f":  {0, "", "none"},
		"exec":       {0, "", "created"},
		"ps":         {0, "", "created"},
		"create":     {1, "container with given ID already exists", "created"},
	},
	"running": {
		"state":      {0, "", "running"},
		"start":      {1, "cannot start an already running container", "running"},
		"kill":       {0, "", "stopped"},
		"kill --all": {0, "", "stopped"},
		"kill 0":     {0, "", "running"},
		"kill 999":   {1, "unable to signal init: invalid argument", "running"},
		"delete":     {1, "cannot delete container c that is not stopped: running", "running"},
		"delete -f":  {0, "", "none"},
		"exec":       {0, "", "running"},
		"exec none":  {255, `exec: \"none\": executable file not found in $PATH`, "running"},
		"exec 3":     {3, "", "running"},
		"ps":         {0, "", "running"},
		"create":     {1, "container with given ID already exists", "running"},
	},
	"stopped": {
		"state":      {0, "", "stopped"},
		"start":      {1, "cannot start a container that has stopped", "stopped"},
		"kill":       {1, "container not running", "stopped"},
		"kill --all": {0, "", "stopped"},
		"delete":     {0, "", "none"},
		"delete -f":  {0, "", "none"},
		"exec":       {255, "cannot exec in a stopped container", "stopped"},
		"pause":      {1, "container not running", "stopped"},
		"ps":         {0, "", "stopped"},
		"create":     {1, "container with given ID already exists", "stopped"},
	},
}

// operations are the arguments of each.
func operations(bundle string) map[string][]string {
	return map[string][]string{
		"state":      {"state", "c"},
		"start":      {"start", "c"},
		"kill":       {"kill", "c", "KILL"},
		"kill --all": {"kill", "--all", "c", "9"},
		"kill 0":     {"kill", "c", "0"},
		"kill FOO":   {"kill", "c", "FOO"},
		"kill 999":   {"kill", "c", "999"},
		"delete":     {"delete", "c"},
		"delete -f":  {"delete", "--force", "c"},
		"exec":       {"exec", "c", "true"},
		"exec none":  {"exec", "c", "none"},
		"exec 3":     {"exec", "c", "sh", "-c", "exit 3"},
		"pause":      {"pause", "c"},
		"resume":     {"resume", "c"},
		"ps":         {"ps", "c"},
		"events":     {"events", "--stats", "c"},
		"create":     {"create", "--bundle", bundle, "c"},
	}
}

func TestLifecycle(t *testing.T) {
	for _, e := range engines(t) {
		t.Run(e.name, func(t *testing.T) {
			bundle := newBundle(t, t.TempDir(), args("sleep", "1000"))
			for from, row := range lifecycle {
				for name, want := range row {
					t.Run(from+"/"+name, func(t *testing.T) {
						bring(t, e, bundle, from)
						r := e.run(t, operations(bundle)[name]...)
						if r.code != want.code || !strings.Contains(r.stderr, want.says) || want.says != "" && r.stderr == "" {
							t.Errorf("status %d, %q; want %d, %q", r.code, r.stderr, want.code, want.says)
						}
						e.become(t, "c", want.status)
						e.ok(t, "delete", "--force", "c")
						e.empty(t)
					})
				}
			}
		})
	}
}

// bring brings a container into a state.
func bring(t testing.TB, e *engine, bundle, status string) {
	t.Helper()
	if status == "none" {
		return
	}
	e.ok(t, "create", "--bundle", bundle, "c")
	if status != "created" {
		e.ok(t, "start", "c")
	}
	if status == "stopped" {
		e.ok(t, "kill", "c", "KILL")
	}
	e.become(t, "c", status)
}

// What a mode cannot do it says.
func TestUnsupported(t *testing.T) {
	e := newEngine(t, "builtin")
	bundle := newBundle(t, t.TempDir(), args("sleep", "1000"))
	bring(t, e, bundle, "running")
	features := e.ok(t, "features")
	for _, verb := range []string{"pause", "resume", "events"} {
		r := e.run(t, verb, "c")
		if r.code != 1 || !strings.Contains(r.stderr, verb+" in mode builtin is not supported") {
			t.Errorf("%s: status %d, %q", verb, r.code, r.stderr)
		}
		if !strings.Contains(features, verb) {
			t.Errorf("features do not name %s", verb)
		}
	}
}

// A log in JSON is where containerd looks for the reason.
func TestLog(t *testing.T) {
	for _, e := range engines(t) {
		log := filepath.Join(t.TempDir(), "log.json")
		e.command = append(e.command, "--log", log, "--log-format", "json")
		r := e.run(t, "state", "nothing")
		text, err := os.ReadFile(log)
		must(t, err)
		if r.code != 1 || r.stderr != "container does not exist" ||
			!strings.HasPrefix(string(text), `{"level":"error","msg":"container does not exist","time":"`) {
			t.Errorf("%s: status %d, %q; log %q", e.name, r.code, r.stderr, text)
		}
	}
}

// What list prints is what runc's prints.
func TestListIsLikeRuncs(t *testing.T) {
	var outputs []string
	for _, e := range engines(t) {
		bundle := newBundle(t, t.TempDir(), args("sleep", "1000"))
		text := e.ok(t, "list", "-f", "json") + e.ok(t, "list")
		bring(t, e, bundle, "running")
		s := e.state(t, "c")
		if s.Bundle != bundle || s.PID == 0 {
			t.Errorf("%s: %+v", e.name, s)
		}
		text += e.ok(t, "list", "-q")
		for line := range strings.Lines(e.ok(t, "list")) {
			// The time has another number of digits each time.
			fields := strings.Fields(line)
			if len(fields) != 6 {
				t.Errorf("%s: list: %q", e.name, line)
				continue
			}
			text += fields[0] + " " + fields[2] + " " + fields[5] + "\n"
		}
		text += e.ok(t, "ps", "-f", "json", "c")[:1]
		e.ok(t, "delete", "--force", "c")
		outputs = append(outputs, text)
	}
	for i, text := range outputs {
		if text != outputs[len(outputs)-1] {
			t.Errorf("engine %d prints\n%s\nrunc prints\n%s", i, text, outputs[len(outputs)-1])
		}
	}
}
