package cluster

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// cluster is where a test does what people do.
type cluster struct {
	*kubernetes.Clientset
	config      *rest.Config
	kubectlArgs []string
	server      *server // nil where it is not ours
	hostNetwork bool
	node        string
	latency     *latency
}

// connect reads a kubeconfig that has been written.
func (c *cluster) connect(t *testing.T, kubeconfig string) {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.Burst = 100, 100
	if c.server != nil {
		config.Dial = c.server.dial
	}
	if c.Clientset, err = kubernetes.NewForConfig(config); err != nil {
		t.Fatal(err)
	}
	c.config = config
}

// kubectl prepares one.
func (c *cluster) command(args ...string) *exec.Cmd {
	all := append(append([]string{}, c.kubectlArgs...), args...)
	return exec.Command(all[0], all[1:]...)
}

// space is a namespace of a step.
type space struct {
	*cluster
	t    *testing.T
	name string
}

// patience is how long a step waits for what takes seconds: it is there to end a
// test that hangs, not to measure.
const patience = 3 * time.Minute

// newSpace makes a namespace, which is removed when the step was passed, and whose
// pods and events are shown when it was not.
func (c *cluster) newSpace(t *testing.T) *space {
	t.Helper()
	name := strings.ToLower(t.Name()[strings.LastIndex(t.Name(), "/")+1:])
	s := &space{c, t, name}
	_, err := c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatalf("namespace %s: %v", name, err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			s.show()
		}
		zero := int64(1)
		c.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{GracePeriodSeconds: &zero})
	})
	// Pods need its account, which a controller makes.
	s.eventually("account default", func() (string, bool) {
		_, err := c.CoreV1().ServiceAccounts(name).Get(t.Context(), "default", metav1.GetOptions{})
		return fmt.Sprint(err), err == nil
	})
	return s
}

// show says what one would look at.
func (s *space) show() {
	for _, args := range [][]string{{"get", "all", "-o", "wide"}, {"get", "events", "--sort-by=.lastTimestamp"}} {
		out, _ := s.command(append(args, "-n", s.name)...).CombinedOutput()
		s.t.Logf("kubectl %s\n%s", strings.Join(args, " "), out)
	}
}

// apply applies manifests. In them a comment `#pod` stands in the spec of each pod.
func (s *space) apply(manifests string) {
	s.t.Helper()
	if out, err := s.try(s.expand(manifests), "apply", "-f", "-"); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

func (s *space) expand(manifests string) string {
	if s.hostNetwork {
		manifests = strings.ReplaceAll(manifests, "#pod", "hostNetwork: true")
	}
	return manifests
}

// try runs a kubectl in the namespace; the error has what it said.
func (s *space) try(stdin string, args ...string) (stdout string, err error) {
	cmd := s.command(append([]string{"-n", s.name}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err = cmd.Run(); err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(errs.String()))
	}
	return out.String(), err
}

// kubectl is try where nothing may fail.
func (s *space) kubectl(args ...string) string {
	s.t.Helper()
	out, err := s.try("", args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// eventually waits for a state; look says what there is, and whether that is it.
func (s *space) eventually(what string, look func() (string, bool)) time.Duration {
	s.t.Helper()
	return s.within(patience, what, look)
}

func (s *space) within(limit time.Duration, what string, look func() (string, bool)) time.Duration {
	s.t.Helper()
	begun := time.Now()
	for {
		is, ok := look()
		took := time.Since(begun)
		if ok {
			s.t.Logf("%s: after %.1f s", what, took.Seconds())
			return took
		}
		if took > limit {
			s.t.Fatalf("%s: not within %v; it is %s", what, limit, is)
		}
		s.server.mustRun(s.t)
		time.Sleep(200 * time.Millisecond)
	}
}

// output waits until a kubectl says something.
func (s *space) output(what, want string, args ...string) {
	s.t.Helper()
	s.eventually(what, func() (string, bool) {
		out, err := s.try("", args...)
		return fmt.Sprintf("%q, %v", out, err), err == nil && strings.Contains(out, want)
	})
}

// TestCluster is all steps, in the order of what is needed first.
func TestCluster(t *testing.T) {
	c := open(t)
	c.crowd(t)
	for _, step := range steps {
		t.Run(step.name, func(t *testing.T) { step.run(c.newSpace(t)) })
	}
	c.latency.report(t)
}

// open takes the cluster that is named, or starts one.
func open(t *testing.T) *cluster {
	c := &cluster{hostNetwork: os.Getenv("CLUSTER_HOST_NETWORK") != "" || prepared()}
	kubeconfig := os.Getenv("CLUSTER_KUBECONFIG")
	if kubeconfig == "" {
		c.server = startServer(t)
		c.kubectlArgs = c.server.kubectl()
		kubeconfig = c.server.kubeconfig()
		c.server.waitKubeconfig(t)
	} else {
		c.kubectlArgs = append(strings.Fields(or(os.Getenv("CLUSTER_KUBECTL"), "kubectl")), "--kubeconfig", kubeconfig)
	}
	c.connect(t, kubeconfig)
	c.awaitNode(t)
	c.latency = watchLatency(t, c)
	return c
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
