package oci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// What the profile tells, and what the bundle says about the process.
func TestProcess(t *testing.T) {
	umask := uint32(0o027)
	adj := 123
	dir := newBundle(t, t.TempDir(), all(script(`
		cat /proc/sys/kernel/panic
		id -u; id -g; id -G
		umask
		pwd
		echo "$WORD $HOME"
		cat /proc/self/oom_score_adj
		ulimit -n; ulimit -Hn; ulimit -c
		hostname
		grep -E '^(Cap(Prm|Eff|Bnd|Inh|Amb)|NoNewPrivs)' /proc/self/status
		exit 42`),
		func(s *specs.Spec) {
			p := s.Process
			p.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{7, 8}, Umask: &umask}
			p.Cwd, p.Env, p.OOMScoreAdj = "/place/here", append(p.Env, "WORD=some words"), &adj
			p.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Soft: 100, Hard: 200}, {Type: "RLIMIT_CORE"}}
			kill := []string{"CAP_KILL"}
			p.Capabilities = &specs.LinuxCapabilities{
				Bounding: []string{"CAP_KILL", "CAP_CHOWN"}, Effective: kill, Permitted: kill, Inheritable: kill, Ambient: kill,
			}
			s.Hostname = "a-name"
			s.Root.Readonly = false
		}))
	const rest = `1000
1001
1001 7 8
0027
/place/here
some words /home/user
123
100
200
0
a-name
CapInh:	0000000000000020
CapPrm:	0000000000000020
CapEff:	0000000000000020
CapBnd:	0000000000000021
CapAmb:	0000000000000020
NoNewPrivs:	1
`
	for _, e := range engines(t) {
		r := e.run(t, "run", "--bundle", dir, "c")
		want := "1234\n" + rest
		if e.reference {
			_, want, _ = strings.Cut(r.stdout, "\n")
			want = r.stdout[:len(r.stdout)-len(want)] + rest
		}
		if r.stdout != want || r.code != 42 {
			t.Errorf("%s: status %d, %s\ngot\n%s\nwant\n%s", e.name, r.code, r.stderr, r.stdout, want)
		}
		e.empty(t)
	}
}

// Mounts of all kinds, and what covers paths.
func TestMounts(t *testing.T) {
	for _, e := range engines(t) {
		source := t.TempDir()
		must(t, os.WriteFile(source+"/file", []byte("from outside\n"), 0o644))
		dir := newBundle(t, t.TempDir(), all(script(`
			cat /data/file
			touch /data/new 2>/dev/null || echo data is read-only
			cat /etc/single
			touch /scratch/x && echo scratch can be written
			touch /x 2>/dev/null || echo root is read-only
			stat -f -c %T /scratch
			test -s /proc/keys || echo keys are masked
			ls /sys/firmware | wc -l
			echo 1 2>/dev/null >/proc/irq/default_smp_affinity || echo irq is read-only
			for d in null zero full random urandom tty; do stat -c '%n %t,%T %A' /dev/$d; done
			readlink /dev/fd; readlink /dev/ptmx
			grep -c ' / / ' /proc/self/mountinfo`),
			func(s *specs.Spec) {
				s.Mounts = append(s.Mounts,
					specs.Mount{Destination: "/data", Source: source, Options: []string{"rbind", "ro"}},
					specs.Mount{Destination: "/etc/single", Source: source + "/file", Type: "bind", Options: []string{"bind"}},
					specs.Mount{Destination: "/scratch", Type: "tmpfs", Source: "tmpfs", Options: []string{"nosuid", "size=1m", "mode=1777"}})
			}))
		const want = `from outside
data is read-only
from outside
scratch can be written
root is read-only
tmpfs
keys are masked
0
irq is read-only
/dev/null 1,3 crw-rw-rw-
/dev/zero 1,5 crw-rw-rw-
/dev/full 1,7 crw-rw-rw-
/dev/random 1,8 crw-rw-rw-
/dev/urandom 1,9 crw-rw-rw-
/dev/tty 5,0 crw-rw-rw-
/proc/self/fd
pts/ptmx
`
		r := e.run(t, "run", "--bundle", dir, "c")
		got := r.stdout
		if i := strings.LastIndex(strings.TrimSpace(got), "\n"); i > 0 {
			got = got[:i+1] // how many mounts of / there are
		}
		if got != want {
			t.Errorf("%s: status %d, %s\ngot\n%s\nwant\n%s", e.name, r.code, r.stderr, r.stdout, want)
		}
		if _, err := os.Stat(source + "/new"); err == nil {
			t.Errorf("%s: a read-only mount was written to", e.name)
		}
	}
}

// The bundle's rules hold beside the shim's filter.
func TestSeccomp(t *testing.T) {
	errno := uint(unix.ENOTSUP)
	for _, privileges := range []bool{true, false} {
		dir := newBundle(t, t.TempDir(), all(script(`
			mkdir /tmp 2>/dev/null
			mkdir /scratch/x || echo refused
			cat /proc/sys/kernel/panic >/dev/null && echo read
			mknod /scratch/p p && echo made
			grep -E '^(Seccomp|NoNewPrivs):' /proc/self/status`),
			func(s *specs.Spec) {
				s.Process.NoNewPrivileges = !privileges
				s.Mounts = append(s.Mounts, specs.Mount{Destination: "/scratch", Type: "tmpfs", Source: "tmpfs"})
				s.Linux.Seccomp = &specs.LinuxSeccomp{
					DefaultAction: specs.ActAllow,
					Architectures: []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
					Syscalls: []specs.LinuxSyscall{
						{Names: []string{"mkdir", "mkdirat", "no_such_call"}, Action: specs.ActErrno, ErrnoRet: &errno},
						{Names: []string{"openat"}, Action: specs.ActAllow},
					},
				}
			}))
		for _, e := range engines(t) {
			r := e.run(t, "run", "--bundle", dir, "c")
			newPrivs := "0"
			if !privileges || e.name == "within" {
				// Without CAP_SYS_ADMIN a filter takes it.
				newPrivs = "1"
			}
			want := "refused\nread\nmade\nNoNewPrivs:\t" + newPrivs + "\nSeccomp:\t2\n"
			if r.stdout != want || !strings.Contains(r.stderr, "not supported") {
				t.Errorf("%s: status %d, %s\n%s", e.name, r.code, r.stderr, r.stdout)
			}
		}
	}
}

// Each kind of hook runs once, in its order and place, and reads the state.
//
// runc does not wait for the program to begin before it runs the poststart hooks.
func TestHooks(t *testing.T) {
	for _, e := range []*engine{newEngine(t, "builtin")} {
		log := filepath.Join(t.TempDir(), "log")
		hook := func(kind, where string) []specs.Hook {
			return []specs.Hook{{
				Path: "/bin/sh",
				Args: []string{"sh", "-c", `read -r state; case $state in *'"id":"c"'*) ok=ok; esac; echo "` + kind + ` $ok $MARK" >>` + where},
				Env:  []string{"MARK=m"},
			}}
		}
		dir := newBundle(t, t.TempDir(), all(script("sleep 0.3; echo program >>/shared/log"), func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/shared", Source: filepath.Dir(log), Options: []string{"rbind"}})
			s.Hooks = &specs.Hooks{
				Prestart:      hook("prestart", log),
				CreateRuntime: hook("createRuntime", log), CreateContainer: hook("createContainer", log),
				StartContainer: hook("startContainer", "/shared/log"),
				Poststart:      hook("poststart", log), Poststop: hook("poststop", log),
			}
		}))
		if r := e.run(t, "run", "--bundle", dir, "c"); r.code != 0 {
			t.Errorf("%s: %d, %s", e.name, r.code, r.stderr)
		}
		text, err := os.ReadFile(log)
		must(t, err)
		want := "prestart ok m\ncreateRuntime ok m\ncreateContainer ok m\nstartContainer ok m\npoststart ok m\nprogram\npoststop ok m\n"
		if string(text) != want {
			t.Errorf("%s:\n%s", e.name, text)
		}
	}
}

// A hook that fails, or takes too long, ends the container.
func TestFailingHook(t *testing.T) {
	second := 1
	for _, e := range engines(t) {
		for _, hook := range []specs.Hook{
			{Path: "/bin/sh", Args: []string{"sh", "-c", "echo reason >&2; exit 3"}},
			{Path: "/bin/sleep", Args: []string{"sleep", "100"}, Timeout: &second},
		} {
			for _, kind := range []string{"createRuntime", "createContainer", "startContainer"} {
				dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) {
					switch kind {
					case "createRuntime":
						s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{hook}}
					case "createContainer":
						s.Hooks = &specs.Hooks{CreateContainer: []specs.Hook{hook}}
					default:
						s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{hook}}
					}
				}))
				r := e.run(t, "run", "--detach", "--bundle", dir, "c")
				// runc learns nothing of what happens after the start, alone or delegated to.
				if e.name != "builtin" && kind == "startContainer" {
					e.ok(t, "delete", "--force", "c")
					continue
				}
				if r.code == 0 || e.name == "builtin" && !strings.Contains(r.stderr, "error running "+kind+" hook #0") {
					t.Errorf("%s %s: status %d, %s", e.name, kind, r.code, r.stderr)
				}
				e.empty(t)
			}
		}
	}
}

// What a container lacks is said, and refused where it is asked to be.
func TestStrict(t *testing.T) {
	dir := newBundle(t, t.TempDir(), args("true"))
	lax := newEngine(t, "builtin")
	r := lax.run(t, "run", "--bundle", dir, "c")
	if r.code != 0 || !strings.Contains(r.stderr, "container c lacks: namespace pid (") {
		t.Errorf("status %d, %s", r.code, r.stderr)
	}
	strict := newEngine(t, "builtin", "--strict")
	r = strict.run(t, "run", "--bundle", dir, "c")
	if r.code != 1 || !strings.Contains(r.stderr, "--strict, and the container would lack: namespace pid (") {
		t.Errorf("strict: status %d, %s", r.code, r.stderr)
	}
	strict.empty(t)
	modest := newBundle(t, t.TempDir(), all(script("cat /proc/sys/kernel/panic"), func(s *specs.Spec) {
		s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}, {Type: specs.UTSNamespace}}
		s.Linux.Resources = nil
	}))
	r = strict.run(t, "run", "--bundle", modest, "c")
	if r.code != 0 || r.stdout != "1234\n" || r.stderr != "" {
		t.Errorf("strict, and nothing missing: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
}

// A sysctl of the bundle is told to the container, and the machine keeps its own.
func TestSysctl(t *testing.T) {
	e := newEngine(t, "builtin")
	before, err := os.ReadFile("/proc/sys/kernel/shm_rmid_forced")
	must(t, err)
	dir := newBundle(t, t.TempDir(), all(script("cat /proc/sys/kernel/shm_rmid_forced"), func(s *specs.Spec) {
		s.Linux.Sysctl = map[string]string{"kernel.shm_rmid_forced": "1"}
	}))
	r := e.run(t, "run", "--bundle", dir, "c")
	after, err := os.ReadFile("/proc/sys/kernel/shm_rmid_forced")
	must(t, err)
	if r.stdout != "1\n" || string(before) != string(after) {
		t.Errorf("the container read %q; the machine's was %q and is %q; %s", r.stdout, before, after, r.stderr)
	}
}

// exec in every way.
func TestExec(t *testing.T) {
	for _, e := range engines(t) {
		dir := newBundle(t, t.TempDir(), args("sleep", "1000"))
		bring(t, e, dir, "running")
		out := e.ok(t, "exec", "--cwd", "/bin", "--env", "A=b", "--user", "1000:5", "-g", "9", "c",
			"sh", "-c", "pwd; echo $A; id -u; id -g; id -G; echo $HOME; readlink /proc/self/ns/mnt")
		mnt, err := os.Readlink("/proc/" + itoa(e.state(t, "c").PID) + "/ns/mnt")
		must(t, err)
		if want := "/bin\nb\n1000\n5\n5 9\n/home/user\n" + mnt + "\n"; out != want {
			// runc 1.1 keeps the container's HOME.
			if !e.reference {
				t.Errorf("%s: %q, want %q", e.name, out, want)
			}
		}
		if !e.reference {
			if out := e.ok(t, "exec", "c", "cat", "/proc/sys/kernel/panic"); out != "1234\n" {
				t.Errorf("%s: a further process reads %q", e.name, out)
			}
		}
		pidFile := filepath.Join(t.TempDir(), "pid")
		e.ok(t, "exec", "--detach", "--pid-file", pidFile, "c", "sleep", "1000")
		text, err := os.ReadFile(pidFile)
		must(t, err)
		if !strings.Contains(e.ok(t, "ps", "c"), " "+string(text)+" ") {
			t.Errorf("%s: ps does not know %s", e.name, text)
		}
		r := e.run(t, "exec", "--cap", "CAP_SYS_TIME", "c", "sh", "-c", "kill -9 $$")
		if r.code != 137 {
			t.Errorf("%s: status %d, %s", e.name, r.code, r.stderr)
		}
		e.ok(t, "delete", "--force", "c")
		if alive(string(text)) {
			t.Errorf("%s: the further process outlived the container", e.name)
		}
		e.empty(t)
	}
}
