package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// upstream is where the suite is described.
const upstream = "../../e2e"

// TestSuite runs upstream's own tests. E2E names the folder that ../../e2e/build
// has filled.
func TestSuite(t *testing.T) {
	folder := os.Getenv("E2E")
	if folder == "" {
		t.Skip("E2E names no suite")
	}
	// The server imports them when it starts; a cluster that runs has to have them.
	t.Setenv("CLUSTER_IMAGES", filepath.Join(folder, "images.tar"))
	c := open(t)
	report := or(os.Getenv("E2E_REPORT"), filepath.Join(t.TempDir(), "report.json"))
	suite := c.suite(t, filepath.Join(folder, "e2e.test"), report)
	suite.Stdout, suite.Stderr = os.Stdout, os.Stdout
	err := suite.Run()
	results, unread := readResults(report)
	if unread != nil {
		t.Fatalf("the suite ended (%v) without a report: %v", err, unread)
	}
	ran := 0
	for _, r := range results {
		ran++
		t.Run(r.name(), func(t *testing.T) {
			t.Logf("%s after %.1f s", r.State, r.RunTime/1e9)
			if r.State != "passed" {
				t.Error(r.Failure.Message)
			}
		})
	}
	if ran == 0 {
		t.Errorf("no test of the suite ran: %v", err)
	}
	if err != nil && !t.Failed() {
		t.Errorf("the suite: %v", err)
	}
}

// suite prepares a run of the tests that E2E_FOCUS matches, but for those that
// cannot be passed here.
func (c *cluster) suite(t *testing.T, program, report string) *exec.Cmd {
	t.Helper()
	patterns, err := expressions(upstream + "/impossible")
	must(t, err)
	focus := or(os.Getenv("E2E_FOCUS"), `\[Conformance\]|\[NodeConformance\]`)
	if list, ok := strings.CutPrefix(focus, "@"); ok {
		chosen, err := expressions(list)
		must(t, err)
		focus = strings.Join(chosen, "|")
	}
	kubeconfig, kubectl := os.Getenv("CLUSTER_KUBECONFIG"), or(os.Getenv("CLUSTER_KUBECTL"), "kubectl")
	var args []string
	if c.server != nil {
		kubeconfig, kubectl = c.server.kubeconfig(), c.server.client
		args = []string{"nsenter", "--net=" + c.server.network, "--"}
	}
	args = append(args, program,
		"--kubeconfig", kubeconfig,
		"--kubectl-path", kubectl,
		"--provider", "skeleton",
		"--container-runtime-endpoint", "unix:///run/k3s/containerd/containerd.sock",
		"--report-dir", t.TempDir(),
		"--e2e-output-dir", t.TempDir(),
		"--ginkgo.no-color",
		"--ginkgo.silence-skips",
		"--ginkgo.timeout", or(os.Getenv("E2E_TIMEOUT"), "24h"),
		"--ginkgo.focus", focus,
		"--ginkgo.skip", strings.Join(patterns, "|"),
		"--ginkgo.json-report", report,
	)
	cmd := exec.Command(args[0], args[1:]...)
	registries, err := filepath.Abs(upstream + "/registries.yaml")
	must(t, err)
	cmd.Env = append(os.Environ(), "KUBE_TEST_REPO_LIST="+registries)
	return cmd
}
