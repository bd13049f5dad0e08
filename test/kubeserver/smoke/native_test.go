package smoke

import (
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const pod = `
apiVersion: v1
kind: Pod
metadata: {name: smoke}
spec:
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "echo to stdout; echo to stderr >&2; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
`

// TestNode takes a pod through its life on a real node, twice: the second time
// with what the first left.
func TestNode(t *testing.T) {
	g := newNative(t)
	s := start(t, g)
	t.Run("first", func(t *testing.T) { s.t = t; useNode(s); useVolumes(s) })
	if t.Failed() {
		return
	}
	terminate(t, s)

	s = start(t, g)
	t.Run("again", func(t *testing.T) { s.t = t; useNode(s) })
	if t.Failed() {
		return
	}
	terminate(t, s)
}

func useNode(s *server) {
	t := s.t
	s.eventually("API server ready", patience, contains("ok"), "", "get", "--raw", "/readyz")
	node := s.eventually("node", patience, contains("node/"), "", "get", "node", "-o", "name")
	node = strings.TrimPrefix(strings.TrimSpace(node), "node/")
	ready := `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`
	s.eventually("node Ready", patience, contains("True"), "", "get", "node", "-o", ready)

	s.eventually("service account", patience, contains("default"), "", "get", "serviceaccount", "default", "-o", "name")
	if _, err := s.kubectl(pod, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
	s.eventually("pod Running", patience, contains("Running"), "", "get", "pod", "smoke", "-o", "jsonpath={.status.phase}")
	s.eventually("logs", patience, func(out string) bool {
		return strings.Contains(out, "to stdout\n") && strings.Contains(out, "to stderr\n")
	}, "", "logs", "smoke")

	out, err := s.kubectl("typed\n", "exec", "-i", "smoke", "--", "sh", "-c", "cat; wc -c <var/run/secrets/kubernetes.io/serviceaccount/token")
	if err != nil || !strings.HasPrefix(out, "typed\n") || strings.TrimSpace(out[6:]) == "0" {
		t.Errorf("exec said %q (%v)", out, err)
	}
	var exit *exec.ExitError
	if _, err = s.kubectl("", "exec", "smoke", "--", "sh", "-c", "exit 5"); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("exec of exit 5: %v", err)
	}
	summary := "/api/v1/nodes/" + node + "/proxy/stats/summary"
	s.eventually("summary", patience, func(out string) bool {
		return strings.Contains(out, `"name": "smoke"`) && strings.Contains(out, `"workingSetBytes"`)
	}, "", "get", "--raw", summary)

	begun := time.Now()
	if _, err := s.kubectl("", "delete", "pod", "smoke", "--timeout=60s"); err != nil {
		t.Error(err)
	}
	t.Logf("pod deleted: after %.1f s", time.Since(begun).Seconds())
}

func terminate(t *testing.T, s *server) {
	t.Helper()
	begun := time.Now()
	s.cmd.Process.Signal(syscall.SIGTERM)
	if code := s.waitEnd(time.Minute); code != 0 {
		t.Fatalf("SIGTERM ended the server with %d", code)
	}
	t.Logf("stopped: after %.1f s", time.Since(begun).Seconds())
}

// TestWrongCalls starts nothing.
func TestWrongCalls(t *testing.T) {
	binary := kubeserver(t)
	dir := t.TempDir()
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"", 2, "usage:"},
		{"nonsense", 2, `no command "nonsense"`},
		{"server --nonsense", 2, "unknown flag: --nonsense"},
		{"server argument", 2, `unexpected argument "argument"`},
		{"server --write-kubeconfig-mode 9", 2, "--write-kubeconfig-mode"},
		{"server --service-cidr here", 2, "here"},
		{"server --disable-agent --https-listen-port 0", 1, "0 is no port"},
		{"server --disable-agent --kube-apiserver-arg nonsense=1", 1, "unknown flag: --nonsense"},
		{"server --disable-agent --data-dir DIR/" + strings.Repeat("long", 30), 1, "too long"},
		{"cri --root DIR --listen /proc/nowhere/sock", 1, "/proc/nowhere"},
	} {
		cmd := exec.Command(binary, strings.Fields(strings.ReplaceAll(c.args, "DIR", dir))...)
		if !strings.Contains(c.args, "DIR") && strings.HasPrefix(c.args, "server --disable-agent") {
			cmd.Args = append(cmd.Args, "--data-dir", dir)
		}
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != c.code || !strings.Contains(string(out), c.says) {
			t.Errorf("kubeserver %s: %v, want status %d\n%s", c.args, err, c.code, out)
		}
	}
}
