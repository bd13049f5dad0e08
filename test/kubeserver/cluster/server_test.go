package cluster

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"k8s.io/client-go/tools/clientcmd"
)

// server is a k3s under shimrun in a sandbox.
type server struct {
	name, runner string
	data         string // k3s's folder, outside
	bin          string // that of the binaries, outside and inside
	client       string // kubectl, outside
	network      string // a file that stands for the sandbox's network
	log          *os.File
	cmd          *exec.Cmd
	done         chan struct{}
	stopping     bool
	begun        time.Time
}

// dataInside is k3s's default, a 9p mount of its own.
const dataInside = "/var/lib/rancher/k3s"

// startServer needs root and gVisor.
func startServer(t *testing.T) *server {
	t.Helper()
	k3s, shimrun := binary(t, "K3S", ""), binary(t, "SHIMRUN", "../../../bin/shimrun")
	s := &server{name: "cluster-" + strconv.Itoa(os.Getpid())}
	var err error
	if s.runner, err = filepath.Abs("../../gvisor/run"); err != nil {
		t.Fatal(err)
	}
	folder, err := os.MkdirTemp("/var/tmp", "cluster")
	must(t, err)
	if os.Getenv("CLUSTER_KEEP") == "" {
		t.Cleanup(func() { os.RemoveAll(folder) })
	} else {
		t.Logf("the server's log and data stay in %s", folder)
	}
	s.data, s.bin = filepath.Join(folder, "k3s"), filepath.Join(folder, "bin")
	must(t, os.MkdirAll(filepath.Join(s.data, "agent/images"), 0o755))
	must(t, os.MkdirAll(s.bin, 0o755))
	for _, path := range []string{k3s, shimrun} {
		output(t, "cp", "--reflink=auto", path, filepath.Join(s.bin, map[string]string{k3s: "k3s", shimrun: "shimrun"}[path]))
	}
	output(t, "go", "run", "../images", filepath.Join(s.data, "agent/images/images.tar"))
	for _, archive := range strings.Fields(os.Getenv("CLUSTER_IMAGES")) {
		output(t, "cp", "--reflink=auto", archive, filepath.Join(s.data, "agent/images/more-"+filepath.Base(archive)))
	}
	// The client outside is the bundle's own.
	output(t, filepath.Join(s.bin, "k3s"), "--data-dir="+folder, "kubectl", "version", "--client")
	s.client = filepath.Join(folder, "data/current/bin/kubectl")
	s.log, err = os.Create(filepath.Join(folder, "log"))
	must(t, err)
	s.sandbox(t)
	if prepared() {
		s.prepare(t)
	}
	s.start(t)
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			text, _ := os.ReadFile(s.log.Name())
			t.Logf("the end of the server's log:\n%s", text[max(0, len(text)-20000):])
		}
	})
	return s
}

// sandbox starts one with the capabilities that are asked for.
func (s *server) sandbox(t *testing.T) {
	args := []string{"--start", s.name, "--network", "--mount", s.data + ":" + dataInside, "--mount", s.bin}
	switch ground := or(os.Getenv("CLUSTER_GROUND"), "docker"); ground {
	case "docker", "all":
		args = append(args, "--caps", ground)
	case "cgroups":
		args = append(args, "--cgroups")
	default:
		t.Fatalf("CLUSTER_GROUND is docker, all or cgroups, not %s", ground)
	}
	if out, err := exec.Command(s.runner, args...).CombinedOutput(); err != nil {
		t.Fatalf("no sandbox: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command(s.runner, "--stop", s.name).Run() })
	holder, err := os.ReadFile("/run/shimrun-gvisor/" + s.name + "/holder")
	must(t, err)
	// What a container engine makes, and containerd's sandboxes want.
	if out, err := s.inside("sh", "-c", `echo "127.0.0.1 localhost" >/etc/hosts; : >>/etc/resolv.conf`).CombinedOutput(); err != nil {
		t.Fatalf("/etc/hosts: %v\n%s", err, out)
	}
	// The file is mounted where the holder of the sandbox sees it.
	s.network = "/proc/" + strings.TrimSpace(string(holder)) + "/root/run/shimrun-gvisor/" + s.name + "/net"
}

// inside prepares a command in the sandbox.
func (s *server) inside(args ...string) *exec.Cmd {
	cmd := exec.Command(s.runner, append([]string{"--in", s.name, "--env", "PATH=" + s.bin + ":/usr/sbin:/usr/bin:/sbin:/bin"}, environment()...)...)
	cmd.Args = append(append(cmd.Args, "--"), args...)
	return cmd
}

// environment is what the server has more than others.
func environment() []string {
	if prepared() {
		return []string{"--env", "SHIMRUN_MODE=builtin"}
	}
	return nil
}

// start types it.
func (s *server) start(t *testing.T) {
	os.Remove(s.kubeconfig()) // of an earlier one
	line := append([]string{"shimrun", "--", "k3s", "server", "--write-kubeconfig", dataInside + "/kubeconfig"}, strings.Fields(os.Getenv("CLUSTER_FLAGS"))...)
	s.cmd = s.inside(line...)
	// A pipe: gVisor would write a file from its beginning.
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.begun, s.done, s.stopping = time.Now(), make(chan struct{}), false
	must(t, s.cmd.Start())
	go func(cmd *exec.Cmd, done chan struct{}) {
		defer close(done)
		cmd.Wait()
	}(s.cmd, s.done)
}

// stop ends the server alone; its containers go on.
func (s *server) stop(t *testing.T) {
	s.stopping = true
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(time.Minute):
		t.Errorf("SIGTERM did not end the server within a minute")
		s.cmd.Process.Kill()
	}
}

func (s *server) stopped() bool { return s != nil && s.stopping }

// mustRun fails the test when the server has ended by itself.
func (s *server) mustRun(t *testing.T) {
	t.Helper()
	if s == nil || s.stopping {
		return
	}
	select {
	case <-s.done:
		t.Fatalf("the server has ended: %v", s.cmd.ProcessState)
	default:
	}
}

func (s *server) kubeconfig() string { return filepath.Join(s.data, "kubeconfig") }

// kubectl is the bundle's, outside but in the sandbox's network.
func (s *server) kubectl() []string {
	return []string{"nsenter", "--net=" + s.network, "--", s.client, "--kubeconfig", s.kubeconfig()}
}

// waitKubeconfig waits for the file that the server writes when it is ready.
func (s *server) waitKubeconfig(t *testing.T) {
	t.Helper()
	for time.Since(s.begun) < patience {
		// It is there before it is written.
		if config, err := clientcmd.LoadFromFile(s.kubeconfig()); err == nil && len(config.Clusters) > 0 {
			t.Logf("kubeconfig: %.1f s after the start", time.Since(s.begun).Seconds())
			return
		}
		s.mustRun(t)
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("no kubeconfig within %v", patience)
}

// dial connects from the sandbox's network: a socket belongs to the one that its
// thread was in.
func (s *server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	dialled := make(chan result)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with this goroutine
		conn, err := func() (net.Conn, error) {
			there, err := os.Open(s.network)
			if err != nil {
				return nil, err
			}
			defer there.Close()
			if err := unix.Setns(int(there.Fd()), unix.CLONE_NEWNET); err != nil {
				return nil, fmt.Errorf("the sandbox's network: %w", err)
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}()
		dialled <- result{conn, err}
	}()
	r := <-dialled
	return r.conn, r.err
}

// binary is one that a variable names, or a default does.
func binary(t *testing.T, variable, fallback string) string {
	t.Helper()
	path := or(os.Getenv(variable), fallback)
	if path != "" {
		path, err := filepath.Abs(path)
		must(t, err)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	message := fmt.Sprintf("%s names no binary (%q)", variable, path)
	if os.Getenv("CI") == "true" {
		t.Fatal(message)
	}
	t.Skip(message)
	return ""
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}
