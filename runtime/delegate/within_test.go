package delegate

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/runtime/container"
	"github.com/shimrun/shimrun/shim"
)

func TestCheckWithin(t *testing.T) {
	rule := func(action specs.LinuxSeccompAction, args []specs.LinuxSeccompArg, names ...string) specs.LinuxSyscall {
		return specs.LinuxSyscall{Names: names, Action: action, Args: args}
	}
	one := []specs.LinuxSeccompArg{{Index: 0, Value: 1, Op: specs.OpEqualTo}}
	rules := func(action specs.LinuxSeccompAction, list ...specs.LinuxSyscall) *specs.LinuxSeccomp {
		return &specs.LinuxSeccomp{DefaultAction: action, Syscalls: list}
	}
	for name, test := range map[string]struct {
		rules  *specs.LinuxSeccomp
		denied string
	}{
		"no rules":              {nil, ""},
		"all is allowed":        {rules(specs.ActAllow), ""},
		"all is logged":         {rules(specs.ActLog), ""},
		"one is denied":         {rules(specs.ActAllow, rule(specs.ActErrno, nil, "ptrace")), "ptrace"},
		"two are":               {rules(specs.ActAllow, rule(specs.ActKill, nil, "setsid", "mount", "ptrace")), "ptrace, setsid"},
		"one is, in some cases": {rules(specs.ActAllow, rule(specs.ActErrno, one, "ptrace")), ""},
		"others are":            {rules(specs.ActAllow, rule(specs.ActErrno, nil, "mount")), ""},
		"all but the needed":    {rules(specs.ActErrno, rule(specs.ActAllow, nil, needed...)), ""},
		"one in some cases":     {rules(specs.ActErrno, rule(specs.ActAllow, nil, needed[1:]...), rule(specs.ActAllow, one, "ptrace")), ""},
		"all":                   {rules(specs.ActErrno), strings.Join(needed, ", ")},
		"allowed and denied":    {rules(specs.ActErrno, rule(specs.ActErrno, one, "ptrace"), rule(specs.ActAllow, nil, needed...)), ""},
	} {
		err := checkWithin(test.rules)
		want := "linux.seccomp denies " + test.denied + ", which"
		if (err == nil) != (test.denied == "") || err != nil && !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, test.denied)
		}
	}
}

// engine is one with a container in a store of its own.
func engine(t *testing.T, profile string) Engine {
	t.Helper()
	store, err := container.NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c, err := store.Create("c")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Unlock)
	c.Backend, c.Profile, c.Within = "ptrace", []byte(profile), true
	return Engine{Container: c}
}

// The bundle that the runtime gets starts the wrapper, which knows the rest; the
// given one is not changed.
func TestPrepareWithin(t *testing.T) {
	e := engine(t, "sysctls: {kernel.panic: 1}\n")
	spec := bundle.Example()
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/data", Source: "data", Options: []string{"rbind"}})
	b := &bundle.Bundle{Dir: "/bundle", Rootfs: "/bundle/rootfs", Spec: spec}
	before := cmp.Diff(nil, spec)
	dir, err := e.Prepare(b, []shim.Trap{{Name: "openat"}})
	if err != nil {
		t.Fatal(err)
	}
	if after := cmp.Diff(nil, spec); after != before {
		t.Error("the given specification was changed")
	}
	written, err := bundle.ReadSpec(filepath.Join(dir, bundle.ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	args := written.Process.Args
	var plan runtime.Plan
	if len(args) != 3 || args[0] != "/dev/shimrun-within" || args[2] != "sh" {
		t.Fatalf("%q", args)
	}
	if err := json.Unmarshal([]byte(args[1]), &plan); err != nil || plan.Backend != "ptrace" || string(plan.Profile) != string(e.Container.Profile) {
		t.Errorf("%+v, %v", plan, err)
	}
	last := written.Mounts[len(written.Mounts)-1]
	if last.Destination != args[0] || !strings.Contains(strings.Join(last.Options, " "), "ro") {
		t.Errorf("%+v", last)
	}
	if data := written.Mounts[len(written.Mounts)-2]; data.Source != "/bundle/data" {
		t.Errorf("%+v", data)
	}
	if written.Linux.Seccomp != nil || written.Root.Path != "/bundle/rootfs" {
		t.Errorf("%+v, %+v", written.Linux.Seccomp, written.Root)
	}
	spec.Mounts = nil
	if got := wrapperPath(spec); got != "/shimrun-within" {
		t.Errorf("without a /dev it is at %s", got)
	}
}

func TestProfileThatIsTooLong(t *testing.T) {
	e := engine(t, strings.Repeat("x", 100_000))
	if _, err := e.Wrap(bundle.Example(), []string{"sh"}); err == nil || !strings.Contains(err.Error(), "bytes more than can be passed") {
		t.Error(err)
	}
	e = engine(t, strings.Repeat("x", 90_000))
	args, err := e.Wrap(bundle.Example(), []string{"sh"})
	if err != nil {
		t.Fatal(err)
	}
	// The kernel takes it.
	if err := exec.Command("true", args...).Run(); err != nil {
		t.Error(err)
	}
}

// Links in a root lead nowhere but into the root.
func TestExecutableIn(t *testing.T) {
	root := t.TempDir()
	for name, mode := range map[string]os.FileMode{"bin/tool": 0o755, "bin/text": 0o644, "outside": 0o644} {
		path := filepath.Join(root, "root", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, mode)); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"absolute": "/bin/tool", "up": "../../../bin/tool", "sh": "/bin/sh", "loop": "loop"} {
		if err := os.Symlink(to, filepath.Join(root, "root", link)); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]error{
		"/bin/tool": nil, "/absolute": nil, "/up": nil, "/../../bin/tool": nil, "/bin/./tool": nil,
		"/bin/text": unix.EACCES, "/bin": unix.EISDIR, "/bin/none": unix.ENOENT, "/sh": unix.ENOENT, "/bin/tool/x": unix.ENOTDIR,
		"/proc/self/exe": nil, // who asks decides what that is
	} {
		if err := executableIn(filepath.Join(root, "root"), name); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	if err := executableIn(filepath.Join(root, "root"), "/loop"); err == nil {
		t.Error("a loop of links is a program")
	}
}
