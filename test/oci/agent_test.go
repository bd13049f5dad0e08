package oci

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Containers of runc's own, served by the agent: several at once, each by its
// annotation's profile, and past the agent's end.
func TestAgent(t *testing.T) {
	runc := engines(t)
	e := runc[len(runc)-1]
	socket := filepath.Join(t.TempDir(), "agent.sock")
	profile := filepath.Join(t.TempDir(), "served.yaml")
	must(t, os.WriteFile(profile, []byte("sysctls: {kernel.panic: 1234}\n"), 0o644))
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	defer log.Close()
	start := func() *exec.Cmd {
		cmd := exec.Command(binary(t), "agent", "--socket", socket, "--profile", profile, "--allow-profile", "kubernetes")
		cmd.Stderr = log
		must(t, cmd.Start())
		eventually(t, "the agent listens", func() bool { _, err := os.Stat(socket); return err == nil })
		return cmd
	}
	agent := start()
	defer func() { _ = agent.Process.Kill(); _ = agent.Wait() }()
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info.Mode(), err)
	}
	// Something else that connects does no harm.
	conn, err := net.Dial("unix", socket)
	must(t, err)
	_, _ = conn.Write([]byte("nonsense"))
	conn.Close()
	silent, err := net.Dial("unix", socket)
	must(t, err)
	defer silent.Close()

	bundle := func(annotations map[string]string, program func(*specs.Spec)) string {
		return newBundle(t, t.TempDir(), all(program, func(s *specs.Spec) {
			s.Annotations = annotations
			s.Linux.Seccomp = &specs.LinuxSeccomp{
				DefaultAction: specs.ActAllow, Architectures: []specs.Arch{specs.ArchX86_64}, ListenerPath: socket,
				Syscalls: []specs.LinuxSyscall{{Names: []string{"open", "openat", "newfstatat"}, Action: specs.ActNotify}},
			}
		}))
	}
	for id, annotation := range map[string]map[string]string{"a": nil, "b": nil, "none": {"io.shimrun.profile": "none"}} {
		e.ok(t, "create", "--bundle", bundle(annotation, args("sleep", "1000")), id)
		e.ok(t, "start", id)
		defer e.run(t, "delete", "--force", id)
	}
	must(t, agent.Process.Signal(syscall.SIGTERM))
	must(t, agent.Wait())
	agent = start() // for the processes to come
	real, err := os.ReadFile("/proc/sys/kernel/panic")
	must(t, err)
	for id, want := range map[string]string{"a": "1234\n", "b": "1234\n", "none": string(real)} {
		// exec hands over a listener of its own.
		if id == "none" {
			continue // the process that exec starts has no annotation in runc 1.1's state
		}
		if got := e.ok(t, "exec", id, "cat", "/proc/sys/kernel/panic"); got != want {
			t.Errorf("%s reads %q, want %q", id, got, want)
		}
	}
	// The annotation comes with the container's own process.
	for annotation, want := range map[string]string{"kubernetes": "10\n", "none": string(real), "k3s": string(real)} {
		dir := bundle(map[string]string{"io.shimrun.profile": annotation}, script("cat /proc/sys/kernel/panic"))
		if r := e.run(t, "run", "--bundle", dir, "c"); r.stdout != want {
			t.Errorf("with the annotation %s it reads %q, want %q; %s", annotation, r.stdout, want, r.stderr)
		}
	}
	text, err := os.ReadFile(log.Name())
	must(t, err)
	if says := `profile \"k3s\" is not allowed for containers; to allow it, start shimrun with --allow-profile k3s`; strings.Count(string(text), says) != 1 {
		t.Errorf("the agent says nothing of the profile that it refused: %s", text)
	}
}
