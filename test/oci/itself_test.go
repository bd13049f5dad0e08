package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// contained has a command run in a pid namespace, so that whatever it starts
// ends with it, even if this test should find what it looks for.
func contained(path string, words ...string) *exec.Cmd {
	cmd := exec.Command("unshare", append([]string{"--pid", "--fork", "--kill-child", "--mount-proc"}, words...)...)
	cmd.Env = append(os.Environ(), "PATH="+path+":"+os.Getenv("PATH"))
	return cmd
}

// Where shimrun stands in runc's place it delegates to the runc behind it, and
// never to itself.
func TestNeverDelegatesToItself(t *testing.T) {
	engines(t) // runc is here
	runc, err := exec.LookPath("runc")
	must(t, err)
	dir := newBundle(t, t.TempDir(), args("cat", "/proc/sys/kernel/panic"))
	calls := filepath.Join(t.TempDir(), "calls")
	for what, make := range map[string]func(name string){
		"a link": func(name string) { must(t, os.Symlink(binary(t), name)) },
		"a copy": func(name string) {
			text, err := os.ReadFile(binary(t))
			must(t, err)
			must(t, os.WriteFile(name, text, 0o755))
		},
		"a script": func(name string) {
			text := "#!/bin/sh\necho \"$*\" >>" + calls + "\nexec " + binary(t) + " \"$@\"\n"
			must(t, os.WriteFile(name, []byte(text), 0o755))
		},
	} {
		t.Run(what, func(t *testing.T) {
			_ = os.Remove(calls)
			folder := t.TempDir()
			make(filepath.Join(folder, "runc"))
			e := newEngine(t, "auto")
			e.command[0] = filepath.Join(folder, "runc")
			run := func(path string, flags ...string) result {
				return runCommand(t, contained(path, append(append(e.command[:len(e.command):len(e.command)], flags...), "run", "--bundle", dir, "c")...))
			}
			if r := run(folder); r.code != 0 || r.stdout != "1234\n" {
				t.Errorf("auto: status %d, %q, %s", r.code, r.stdout, r.stderr)
			}
			kept, err := os.ReadFile(filepath.Join(e.root, "delegation~"))
			want := " " + runc + " works\n"
			if what == "a script" {
				want = " is shimrun\n"
			}
			if !strings.HasSuffix(string(kept), want) {
				t.Errorf("the answer kept is %q, %v, want %q", kept, err, want)
			}
			r := run(folder, "--mode", "delegate", "--runtime", filepath.Join(folder, "runc"))
			if r.code != 1 || !strings.Contains(r.stderr, "is shimrun itself") {
				t.Errorf("delegate: status %d, %q, %s", r.code, r.stdout, r.stderr)
			}
			// What it is, and a run and a delete in mode delegate.
			if text, _ := os.ReadFile(calls); what == "a script" && strings.Count(string(text), "\n") > 5 {
				t.Errorf("it was called %s", text)
			}
			must(t, os.Remove(filepath.Join(e.root, "delegation~")))
			e.empty(t)
		})
	}
}

// A runtime that leads to shimrun in a way that shimrun does not see is stopped
// at its first container, in the trial and after it.
func TestTrialWithinTrial(t *testing.T) {
	engines(t) // root is here
	dir := newBundle(t, t.TempDir(), args("cat", "/proc/sys/kernel/panic"))
	runc, err := exec.LookPath("runc")
	must(t, err)
	folder := t.TempDir()
	calls := filepath.Join(folder, "calls")
	for what, call := range map[string]string{
		"its own root":   "exec " + binary(t) + " \"$@\"",
		"another root":   "shift 2; exec " + binary(t) + " --root " + folder + "/other \"$@\"",
		"an answer kept": "shift 2; exec " + binary(t) + " --backend seccomp --runtime " + runc + " --root " + folder + "/kept \"$@\"",
		"mode builtin":   "exec " + binary(t) + " --mode builtin \"$@\"",
		"mode delegate":  "exec " + binary(t) + " --mode delegate \"$@\"",
	} {
		t.Run(what, func(t *testing.T) {
			_ = os.Remove(calls)
			script := "#!/bin/sh\ntest \"$1\" = --version && exec echo another 1.0\necho \"$*\" >>" + calls + "\n" + call + "\n"
			must(t, os.WriteFile(filepath.Join(folder, "runc"), []byte(script), 0o755))
			e := newEngine(t, "auto", "--runtime", "runc")
			if what == "an answer kept" { // which the one within would go by
				must(t, os.MkdirAll(folder+"/kept", 0o755))
				boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
				must(t, err)
				must(t, os.WriteFile(folder+"/kept/delegation~", []byte(strings.TrimSpace(string(boot))+" seccomp "+runc+" works\n"), 0o600))
			}
			r := runCommand(t, contained(folder, append(e.command, "run", "--bundle", dir, "c")...))
			if r.code != 0 || r.stdout != "1234\n" {
				t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
			}
			kept, err := os.ReadFile(filepath.Join(e.root, "delegation~"))
			if strings.Contains(string(kept), " works") || !strings.Contains(string(kept), "shimrun") {
				t.Errorf("the answer kept is %q, %v", kept, err)
			}
			// Two ways are tried, each a run and a delete.
			if text, _ := os.ReadFile(calls); strings.Count(string(text), "\n") > 6 {
				t.Errorf("it was called\n%s", text)
			}
			must(t, os.Remove(filepath.Join(e.root, "delegation~")))
			e.empty(t)
		})
	}
}
