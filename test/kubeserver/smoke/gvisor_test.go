package smoke

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sandbox is a real gVisor with a 9p root, of test/gvisor, and with a second 9p
// mount for the data, as k3s has it in the sandboxes of the research.
type sandbox struct {
	name, runner, data, path string
	shim                     []string
}

const dataInside = "/var/lib/rancher"

func newSandbox(t *testing.T, flags ...string) *sandbox {
	need(t, "runsc", "unshare", "nsenter", "ip")
	runner, err := filepath.Abs("../../gvisor/run")
	if err != nil {
		t.Fatal(err)
	}
	s := &sandbox{name: "kubeserver-" + strconv.Itoa(os.Getpid()), runner: runner, path: kubeserver(t)}
	// Not t.TempDir, whose name is too long for a socket's.
	if s.data, err = os.MkdirTemp("/var/tmp", "kubeserver"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(s.data) })
	wrapper, err := filepath.Abs("runsc-with-network")
	if err != nil {
		t.Fatal(err)
	}
	args := append([]string{"--start", s.name, "--mount", s.data + ":" + dataInside, "--mount", filepath.Dir(s.path)}, flags...)
	cmd := exec.Command(runner, args...)
	cmd.Env = append(os.Environ(), "RUNSC="+wrapper)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("no sandbox: %v\n%s", err, out)
	}
	t.Cleanup(func() { exec.Command(runner, "--stop", s.name).Run() })
	return s
}

func (s *sandbox) command(args ...string) *exec.Cmd {
	return exec.Command(s.runner, append([]string{"--in", s.name, "--"}, args...)...)
}

func (s *sandbox) dir() string     { return dataInside }
func (s *sandbox) binary() string  { return s.path }
func (s *sandbox) under() []string { return s.shim }

// TestControlPlaneInGVisor needs no shim.
func TestControlPlaneInGVisor(t *testing.T) {
	s := start(t, newSandbox(t), "--disable-agent")
	s.eventually("API server ready", patience, contains("ok"), "", "get", "--raw", "/readyz")
	s.eventually("namespaces", patience, contains("kube-system"), "", "get", "namespaces")
	if _, err := s.kubectl("", "create", "namespace", "test"); err != nil {
		t.Error(err)
	}
	s.eventually("service account by its controller", patience, contains("serviceaccount/default"), "",
		"get", "serviceaccount", "default", "--namespace", "test", "-o", "name")

	// Where no node is, what is for nodes can be applied for real.
	manifests, err := os.ReadFile("../../../deploy/kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := s.kubectl(string(manifests), "apply", "--validate=strict", "-f", "-"); err != nil {
		t.Errorf("deploy/kubernetes.yaml: %v\n%s", err, out)
	}
	s.eventually("shimrun as a runtime class", patience, contains("shimrun"), "", "get", "runtimeclass", "shimrun", "-o", "jsonpath={.handler}")
	s.eventually("the daemon set, seen by its controller", patience, contains("1"), "",
		"get", "daemonset", "shimrun", "--namespace", "shimrun", "-o", "jsonpath={.status.observedGeneration}")
	terminate(t, s)
}

// TestNodeInGVisorNeedsAShim says which error of kubelet's comes first, and so
// what a shim has to answer first.
func TestNodeInGVisorNeedsAShim(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags []string
		says  string
	}{
		{"docker", []string{"--caps", "docker"}, "mountpoint for cpu not found"},
		{"all without cgroups", nil, "mountpoint for cpu not found"},
		{"all", []string{"--cgroups"}, "failed to make /var/lib/rancher/agent/kubelet rshared: invalid argument"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := start(t, newSandbox(t, c.flags...))
			if code := s.waitEnd(3 * time.Minute); code != 1 {
				t.Errorf("the server ended with %d", code)
			}
			if log := s.log.String(); !strings.Contains(log, c.says) {
				t.Errorf("no %q in the log:\n%s", c.says, log)
			}
		})
	}
}

// TestNodeUnderShimrun is what all this is for. It is for whoever works on
// shimrun to run by hand: SHIMRUN=/path/to/shimrun, a static one.
func TestNodeUnderShimrun(t *testing.T) {
	shimrun := program(t, "SHIMRUN", "shimrun", "build")
	shim := []string{shimrun, "--profile", "kubernetes", "--"}
	life := func(t *testing.T, g ground) {
		s := start(t, g)
		useNode(s)
		if !t.Failed() {
			useVolumes(s)
		}
		if !t.Failed() {
			terminate(t, s)
		}
	}
	t.Run("native", func(t *testing.T) {
		g := newNative(t)
		g.shim = shim
		life(t, g)
	})
	for name, flags := range map[string][]string{"all": {"--cgroups"}, "docker": {"--caps", "docker"}} {
		t.Run(name, func(t *testing.T) {
			g := newSandbox(t, append(flags, "--mount", filepath.Dir(shimrun))...)
			g.shim = shim
			life(t, g)
		})
	}
}
