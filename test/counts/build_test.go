package counts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// place is what the operations work with: a folder that is the same in a
// sandbox, with shimrun, the victim of the benchmarks, and a file.
type place struct {
	dir, shimrun, victim string
	lie                  string // shimrun's --fs, of the folder's filesystem
	magic                string // what statfs is to say, in hexadecimal
	crowd                string // the program that makes something numerous

	outside, inside []string // what shimrun is run by, and what the victim
	profile         string   // beside kubernetes
}

// operations are the victim's arguments, by the names in the table.
func (p *place) operations() map[string][]string {
	file := filepath.Join(p.dir, "file")
	return map[string][]string{
		"getppid":       {"getppid"},
		"open":          {"open", file},
		"open-proc":     {"open", "/proc/uptime"},
		"open-relative": {"open", "file"},
		"enoent":        {"enoent", filepath.Join(p.dir, "missing")},
		"stat":          {"stat", file},
		"statfs-lied":   {"statfs", file, p.magic},
		"open-served":   {"open", "/proc/sys/kernel/panic"},
		"open-group":    {"open", "/sys/fs/cgroup/cgroup.controllers"},
		"read-served":   {"read", "/proc/sys/kernel/panic", "10\n"},
	}
}

// command runs n operations, once a line can be read from standard input.
func (p *place) command(backend, operation string, n int) []string {
	args := p.operations()[operation]
	victim := append([]string{p.victim, args[0], fmt.Sprintf("=%d", n), "1"}, args[1:]...)
	profile := strings.TrimSuffix("kubernetes,"+p.profile, ",")
	return slices.Concat(p.outside,
		[]string{p.shimrun, "--backend", backend, "--profile", profile, "--fs", p.lie, "--"}, p.inside,
		[]string{"/bin/sh", "-c", `read go; cd ` + p.dir + ` && exec "$@"`, "sh"}, victim)
}

// newPlace builds what SHIMRUN does not name.
func newPlace(t *testing.T) *place {
	t.Helper()
	for _, program := range []string{"cc", "strace"} {
		if _, err := exec.LookPath(program); err != nil {
			lack(t, err.Error())
		}
	}
	// Not below /tmp, which a sandbox has of its own.
	dir, err := os.MkdirTemp("/var/tmp", "shimrun-counts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &place{dir: dir, shimrun: filepath.Join(dir, "shimrun"), victim: filepath.Join(dir, "victim"), lie: "9p=ext4", magic: "ef53"}
	p.crowd = filepath.Join(dir, "crowd")
	for _, program := range []string{p.victim, p.crowd} {
		run(t, "cc", "-O2", "-static", "-pthread", "-o", program, "../../bench/floor/"+filepath.Base(program)+".c")
	}
	if built := os.Getenv("SHIMRUN"); built != "" {
		run(t, "cp", built, p.shimrun) // a path of its own, by which its supervisor is found
	} else {
		run(t, "go", "build", "-tags", "netgo,osusergo", "-ldflags", "-linkmode external -extldflags -static", "-o", p.shimrun, "../../cmd/shimrun")
	}
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("a file\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return p
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// lack skips a test for which something is missing; in CI it fails it.
func lack(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
