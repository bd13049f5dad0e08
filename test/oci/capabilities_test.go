package oci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A further process has the capabilities that runc gives it, and no others: what --cap adds is neither inheritable nor, for a user who is not
// root, effective (CVE-2022-29162); and what a process.json leaves out is the
// container's.
func TestRightsOfFurtherProcesses(t *testing.T) {
	const rights = "grep -E '^(Cap|NoNewPrivs)' /proc/self/status; id -G"
	described := func(change func(*specs.Process)) string {
		p := specs.Process{Cwd: "/", Args: []string{"sh", "-c", rights}, Env: []string{"PATH=/bin"}}
		change(&p)
		text, err := json.Marshal(p)
		must(t, err)
		name := filepath.Join(t.TempDir(), "process.json")
		must(t, os.WriteFile(name, text, 0o644))
		return name
	}
	kill := []string{"CAP_KILL"}
	flags := [][]string{
		{"--cap", "CAP_SYS_ADMIN", "c", "sh", "-c", rights},
		{"--user", "1000", "--cap", "CAP_SYS_ADMIN", "c", "sh", "-c", rights},
		{"--user", "1000:7", "--cap", "CAP_KILL", "--no-new-privs", "c", "sh", "-c", rights},
		{"--process", described(func(p *specs.Process) {}), "c"},
		{"--process", described(func(p *specs.Process) {
			p.User.UID = 1000
			p.Capabilities = &specs.LinuxCapabilities{Bounding: kill, Permitted: kill, Effective: kill, Inheritable: kill, Ambient: kill}
		}), "c"},
		{"--process", described(func(p *specs.Process) {
			p.User.UID, p.NoNewPrivileges = 1000, true
			p.Capabilities = &specs.LinuxCapabilities{Bounding: kill, Permitted: kill, Effective: kill, Ambient: kill}
		}), "c"},
	}
	for what, inheritable := range map[string][]string{"the default": nil, "with inheritable ones": kill} {
		dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) {
			s.Process.Capabilities.Inheritable = inheritable
			s.Process.NoNewPrivileges = false
		}))
		seen := map[string][]result{}
		for _, e := range engines(t) {
			bring(t, e, dir, "running")
			for _, words := range flags {
				seen[e.name] = append(seen[e.name], e.run(t, append([]string{"exec"}, words...)...))
			}
			e.ok(t, "delete", "--force", "c")
		}
		for name, results := range seen {
			for i, r := range results {
				want := seen["runc"][i]
				if name == "within" {
					// Without CAP_SYS_ADMIN the filter that the process loads takes it.
					r.stdout = strings.Replace(r.stdout, "NoNewPrivs:\t1", "NoNewPrivs:\t0", 1)
					want.stdout = strings.Replace(want.stdout, "NoNewPrivs:\t1", "NoNewPrivs:\t0", 1)
				}
				if r.stdout != want.stdout || r.code != want.code || want.stdout == "" {
					t.Errorf("%s, %s, exec %v: status %d, %s\n%s\nrunc: status %d, %s\n%s", what, name, flags[i], r.code, r.stderr, r.stdout, want.code, want.stderr, want.stdout)
				}
			}
			if last := results[len(results)-1]; !strings.Contains(last.stderr, "can't raise ambient capability CAP_KILL") && name == "builtin" {
				t.Errorf("%s, %s: nothing is said of an ambient capability that is not inheritable: %q", what, name, last.stderr)
			}
		}
	}
}
