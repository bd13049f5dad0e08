package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Bundles and calls that are errors by the specification, or by what runc
// makes of it. Each is refused with a word of what is wrong, and leaves nothing.
func TestBadBundles(t *testing.T) {
	one := 1
	spec := func(change func(*specs.Spec)) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			newBundle(t, dir, all(args("sleep", "1000"), change))
		}
	}
	text := func(config string) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) {
			newBundle(t, dir, nil)
			must(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644))
		}
	}
	for name, test := range map[string]struct {
		make func(t *testing.T, dir string)
		says string
	}{
		"no config.json":     {func(t *testing.T, dir string) {}, "config.json not found"},
		"empty config.json":  {text(""), "config.json:1:1: the file is empty"},
		"cut off":            {text("{\n  \"ociVersion\": \"1.0.0\","), "config.json:2:"},
		"no JSON":            {text("{\n  ociVersion: 1.0.0\n}"), "config.json:2:3: invalid character 'o'"},
		"a wrong type":       {text("{\n \"ociVersion\": 1}"), "config.json:2:"},
		"more after it":      {text("{} {}"), "more after the end"},
		"nothing in it":      {text("{}"), "ociVersion is missing"},
		"config is a folder": {func(t *testing.T, dir string) { must(t, os.Mkdir(filepath.Join(dir, "config.json"), 0o755)) }, "is a directory"},

		"version of no form":  {spec(func(s *specs.Spec) { s.Version = "new" }), `ociVersion "new"`},
		"version to come":     {spec(func(s *specs.Spec) { s.Version = "2.0.0" }), "ociVersion 2.0.0 is not supported"},
		"no root":             {spec(func(s *specs.Spec) { s.Root = nil }), "root.path"},
		"no process":          {spec(func(s *specs.Spec) { s.Process = nil }), "process property must not be empty"},
		"no arguments":        {spec(func(s *specs.Spec) { s.Process.Args = nil }), "process.args must not be empty"},
		"no cwd":              {spec(func(s *specs.Spec) { s.Process.Cwd = "" }), "process.cwd property must not be empty"},
		"relative cwd":        {spec(func(s *specs.Spec) { s.Process.Cwd = "tmp" }), "process.cwd must be an absolute path"},
		"no such program":     {spec(func(s *specs.Spec) { s.Process.Args = []string{"nothing"} }), `executable file not found in $PATH`},
		"program is a folder": {spec(func(s *specs.Spec) { s.Process.Args = []string{"/bin"} }), "/bin"},

		"root is missing": {spec(func(s *specs.Spec) { s.Root.Path = "nowhere" }), "invalid rootfs: stat"},
		"root is a file":  {spec(func(s *specs.Spec) { s.Root.Path = "config.json" }), "not a directory"},
		"root is a link out": {func(t *testing.T, dir string) {
			newBundle(t, dir, func(s *specs.Spec) { s.Root.Path = "link" })
			must(t, os.Symlink("/", filepath.Join(dir, "link")))
		}, "not an absolute path, or a symlink"},

		"relative mount": {spec(func(s *specs.Spec) { s.Mounts[0].Destination = "proc" }), `destination "proc" is not absolute`},
		"mount without a source": {spec(func(s *specs.Spec) {
			s.Mounts = []specs.Mount{{Destination: "/x", Source: "/nowhere", Options: []string{"bind"}}}
		}), "/nowhere: no such file"},
		"unknown namespace": {spec(func(s *specs.Spec) { s.Linux.Namespaces[0].Type = "moon" }), `"moon" does not exist`},
		"namespace twice":   {spec(func(s *specs.Spec) { s.Linux.Namespaces[1] = s.Linux.Namespaces[0] }), "duplicated ns"},
		"namespace of nobody": {spec(func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: "uts", Path: "/proc/nobody/ns/uts"}, {Type: "mount"}}
		}), "/proc/nobody/ns/uts"},
		"hostname without uts":   {spec(func(s *specs.Spec) { s.Linux.Namespaces = []specs.LinuxNamespace{{Type: "mount"}} }), "without a private UTS namespace"},
		"unknown limit":          {spec(func(s *specs.Spec) { s.Process.Rlimits[0].Type = "RLIMIT_X" }), `invalid rlimit type "RLIMIT_X"`},
		"limit twice":            {spec(func(s *specs.Spec) { s.Process.Rlimits = append(s.Process.Rlimits, s.Process.Rlimits...) }), "RLIMIT_NOFILE is given twice"},
		"unknown seccomp action": {spec(func(s *specs.Spec) { s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: "SCMP_ACT_X"} }), `invalid action "SCMP_ACT_X"`},
		"unknown seccomp flag": {spec(func(s *specs.Spec) {
			s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Flags: []specs.LinuxSeccompFlag{"SECCOMP_FILTER_FLAG_X"}}
		}), `unknown flag "SECCOMP_FILTER_FLAG_X"`},
		"no variable":         {spec(func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, "WORD") }), "NAME=VALUE"},
		"unknown propagation": {spec(func(s *specs.Spec) { s.Linux.RootfsPropagation = "x" }), "linux.rootfsPropagation=x is not supported"},
		"relative hook":       {spec(func(s *specs.Spec) { s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "hook"}}} }), `hooks.poststop[0]: path "hook" is not absolute`},
		"hook that is not there": {spec(func(s *specs.Spec) {
			s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/no/hook", Timeout: &one}}}
		}), "/no/hook"},
		"zero byte":                 {spec(func(s *specs.Spec) { s.Process.Args = []string{"a\x00b"} }), "zero byte"},
		"profile of no such name":   {spec(func(s *specs.Spec) { s.Annotations = map[string]string{"io.shimrun.profile": "nothing"} }), "names no profile"},
		"profile nobody allowed":    {spec(func(s *specs.Spec) { s.Annotations = map[string]string{"io.shimrun.profile": "k3s"} }), "start shimrun with --allow-profile k3s"},
		"profile that is a path":    {spec(func(s *specs.Spec) { s.Annotations = map[string]string{"io.shimrun.profile": "/etc/shadow"} }), "is no profile's name"},
		"terminal without a socket": {spec(func(s *specs.Spec) { s.Process.Terminal = true }), "cannot allocate tty"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, e := range shimrunEngines(t) {
				// The annotation counts only where no flag overrules it.
				e.command = withoutProfile(e.command)
				dir := t.TempDir()
				test.make(t, dir)
				r := e.run(t, "create", "--bundle", dir, "c")
				// What only the other runtime finds out it says in its own words.
				if r.code != 1 || e.name == "builtin" && !strings.Contains(r.stderr, "shimrun create failed: ") ||
					e.name == "builtin" && !strings.Contains(strings.ReplaceAll(r.stderr, `\"`, `"`), test.says) {
					t.Errorf("%s: status %d, %q; want %q", e.name, r.code, r.stderr, test.says)
				}
				e.empty(t)
				if left := processesOf(dir); len(left) > 0 {
					t.Errorf("%s: processes are left: %v", e.name, left)
				}
			}
		})
	}
}

func withoutProfile(command []string) []string {
	var rest []string
	for i := 0; i < len(command); i++ {
		if command[i] == "--profile" {
			i++
			continue
		}
		rest = append(rest, command[i])
	}
	return rest
}

func TestBadCalls(t *testing.T) {
	dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
	terminal := newBundle(t, t.TempDir(), func(s *specs.Spec) { s.Process.Terminal = true })
	for _, e := range shimrunEngines(t) {
		for says, args := range map[string][]string{
			"invalid container ID format":            {"create", "--bundle", dir, "a/b"},
			"container id cannot be empty":           {"create", "--bundle", dir, ""},
			`invalid container ID format: ".."`:      {"create", "--bundle", dir, ".."},
			"requires exactly 1 argument(s)":         {"create", "--bundle", dir},
			`"start" requires exactly 1 argument(s)`: {"start", "a", "b"},
			"bundle: stat /nowhere: no such file":    {"create", "--bundle", "/nowhere", "c"},
			"dial unix /nowhere/socket":              {"create", "--bundle", terminal, "--console-socket", "/nowhere/socket", "c"},
			"cannot use console socket":              {"create", "--bundle", dir, "--console-socket", "/nowhere/socket", "c"},
			"pid file: open /nowhere/pid":            {"create", "--bundle", dir, "--pid-file", "/nowhere/pid", "c"},
			"is not open":                            {"create", "--bundle", dir, "--preserve-fds", "197", "c"},
			"unknown flag --bogus":                   {"create", "--bogus", "c"},
			"--format does not know":                 {"list", "--format", "xml"},
		} {
			r := e.run(t, args...)
			if r.code != 1 || e.name == "builtin" && !strings.Contains(strings.ReplaceAll(r.stderr, `\"`, `"`), says) {
				t.Errorf("%s: %v: status %d, %q; want %q", e.name, args, r.code, r.stderr, says)
			}
			e.empty(t)
		}
		r := e.run(t, "list")
		if r.code != 0 {
			t.Errorf("list: %s", r.stderr)
		}
	}
}

// What is unknown in a configuration is ignored, as the specification demands.
func TestUnknownProperties(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		dir := newBundle(t, t.TempDir(), args("true"))
		text, err := os.ReadFile(filepath.Join(dir, "config.json"))
		must(t, err)
		text = append([]byte(`{"org.example.new": {"a": [1]}, `), text[1:]...)
		must(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
		e.ok(t, "run", "--bundle", dir, "c")
	}
}

// Links in the root lead nowhere but into the root, and so do names with "..".
func TestMountsStayInside(t *testing.T) {
	for _, e := range shimrunEngines(t) {
		outside := t.TempDir()
		dir := newBundle(t, t.TempDir(), all(script("ls /escape /a/b; touch /escape/file /a/b/file"), func(s *specs.Spec) {
			s.Root.Readonly = false
			for _, destination := range []string{"/escape/mounted", "/../../../../.." + outside + "/dots", "/up/up", "/file-link"} {
				s.Mounts = append(s.Mounts, specs.Mount{Destination: destination, Type: "tmpfs", Source: "tmpfs"})
			}
			s.Linux.MaskedPaths = append(s.Linux.MaskedPaths, "/escape/secret")
		}))
		root := filepath.Join(dir, "rootfs")
		must(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("kept"), 0o644))
		must(t, os.Symlink(outside, filepath.Join(root, "escape")))
		must(t, os.Symlink("../../../../../../../.."+outside, filepath.Join(root, "up")))
		must(t, os.Symlink(outside+"/new", filepath.Join(root, "file-link")))
		e.run(t, "run", "--bundle", dir, "c")
		entries, err := os.ReadDir(outside)
		must(t, err)
		if len(entries) != 1 {
			t.Errorf("%s: made outside of the root: %v", e.name, entries)
		}
		mounts, err := os.ReadFile("/proc/self/mountinfo")
		must(t, err)
		if strings.Contains(string(mounts), outside) {
			t.Errorf("%s: mounted outside of the root", e.name)
		}
		e.empty(t)
	}
}
