package oci

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The bundle's rules are those of the hooks that run in the container and of
// further processes too, and so are its limits and its environment.
func TestRulesOfAllProcesses(t *testing.T) {
	const look = `mkdir /scratch/x 2>/dev/null && echo made; mknod /scratch/p p && echo mknod; ulimit -Hc; echo "$WORD, $HOME"; id -u
		grep -E '^(NoNewPrivs|CapBnd)' /proc/self/status`
	errno := uint(unix.ENOTSUP)
	for _, privileges := range []bool{true, false} {
		seen := map[string]string{}
		for _, e := range engines(t) {
			shared := t.TempDir()
			must(t, os.Chmod(shared, 0o777))
			dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) {
				p := s.Process
				p.NoNewPrivileges, p.User.UID, p.Env = !privileges, 1000, append(p.Env, "WORD=some words", "HOME=")
				p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 0, Hard: 1 << 20}}
				s.Mounts = append(s.Mounts,
					specs.Mount{Destination: "/scratch", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=1777"}},
					specs.Mount{Destination: "/shared", Source: shared, Options: []string{"bind"}})
				s.Linux.Seccomp = &specs.LinuxSeccomp{
					DefaultAction: specs.ActAllow,
					Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
					Syscalls:      []specs.LinuxSyscall{{Names: []string{"mkdir", "mkdirat"}, Action: specs.ActErrno, ErrnoRet: &errno}},
				}
				s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "{ " + look + "\n} >/shared/hook; rm /scratch/p"}}}}
			}))
			bring(t, e, dir, "running")
			var text []byte
			eventually(t, "the hook has written", func() bool { // runc does not wait for it
				text, _ = os.ReadFile(filepath.Join(shared, "hook"))
				return len(text) > 0 && text[len(text)-1] == '\n' && e.ok(t, "exec", "c", "ls", "/scratch") == ""
			})
			seen[e.name] = "hook: " + string(text) + "exec: " + e.ok(t, "exec", "c", "sh", "-c", look)
			e.ok(t, "delete", "--force", "c")
			e.empty(t)
		}
		for name, got := range seen {
			if want := seen["runc"]; got != want && name != "within" { // which takes new privileges, see TestSeccomp
				t.Errorf("%s, privileges %v:\n%s\nrunc:\n%s", name, privileges, got, want)
			}
		}
	}
}

// A call that the bundle's rules hand to a tracer fails where there is none but
// the shim, although the shim's own rules would have it answered or let through.
func TestTraceIsNotLifted(t *testing.T) {
	dir := newBundle(t, t.TempDir(), all(script("stat -f / >/dev/null 2>&1 && echo told; true"), func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, Syscalls: []specs.LinuxSyscall{
			{Names: []string{"statfs"}, Action: specs.ActTrace},
		}}
	}))
	for _, mode := range modes {
		e := newEngine(t, mode, "--profile", "9p") // which traps statfs
		if r := e.run(t, "run", "--bundle", dir, "c"); r.stdout != "" || r.code != 0 {
			t.Errorf("%s: status %d, %q, %s", mode, r.code, r.stdout, r.stderr)
		}
		e.empty(t)
	}
}
