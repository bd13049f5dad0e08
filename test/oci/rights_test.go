package oci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
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

// The keys of whoever makes a container are not the container's, unless it is
// told so. /proc/keys shows a key that only its possessor may view to who has it.
func TestKeyring(t *testing.T) {
	runtime.LockOSThread() // whose keyrings they are, and which ends with the test
	secret := "shimrun-secret-" + itoa(os.Getpid())
	if _, err := unix.KeyctlInt(unix.KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0); err != nil {
		lack(t, "session keyrings: %v", err)
	}
	key, err := unix.AddKey("user", secret, []byte("x"), unix.KEY_SPEC_SESSION_KEYRING)
	must(t, err)
	must(t, unix.KeyctlSetperm(key, 0x3f000000))
	for _, e := range engines(t) {
		for _, test := range []struct {
			flags []string
			want  string
		}{{nil, "0\n"}, {[]string{"--no-new-keyring"}, "1\n"}} {
			dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) { s.Linux.MaskedPaths = nil }))
			e.ok(t, append(append([]string{"create"}, test.flags...), "--bundle", dir, "c")...)
			e.ok(t, "start", "c")
			if got := e.run(t, "exec", "c", "grep", "-c", secret, "/proc/keys").stdout; got != test.want {
				t.Errorf("%s %v: a further process sees %s keys, want %s", e.name, test.flags, got, test.want)
			}
			e.ok(t, "delete", "--force", "c")
			dir = newBundle(t, t.TempDir(), all(args("grep", "-c", secret, "/proc/keys"), func(s *specs.Spec) { s.Linux.MaskedPaths = nil }))
			if got := e.run(t, append(append([]string{"run"}, test.flags...), "--bundle", dir, "c")...).stdout; got != test.want {
				t.Errorf("%s %v: its process sees %s keys, want %s", e.name, test.flags, got, test.want)
			}
			e.empty(t)
		}
	}
}
