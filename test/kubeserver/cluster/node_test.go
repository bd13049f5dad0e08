package cluster

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// awaitNode waits for the API server and then for a node that is Ready, and says
// how long that took.
func (c *cluster) awaitNode(t *testing.T) {
	s := &space{c, t, "default"}
	s.eventually("API server ready", func() (string, bool) {
		out, err := c.Discovery().RESTClient().Get().AbsPath("/readyz").Do(t.Context()).Raw()
		return fmt.Sprintf("%s %v", out, err), err == nil
	})
	s.eventually("node Ready after the API server", func() (string, bool) {
		nodes, err := c.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil || len(nodes.Items) == 0 {
			return fmt.Sprint("no node, ", err), false
		}
		c.node = nodes.Items[0].Name
		for _, condition := range nodes.Items[0].Status.Conditions {
			if condition.Type == corev1.NodeReady {
				return condition.Message, condition.Status == corev1.ConditionTrue
			}
		}
		return "a node without conditions", false
	})
}

// crowdSize is how many pods run while everything else happens.
func crowdSize() int {
	if n, err := strconv.Atoi(os.Getenv("CLUSTER_CROWD")); err == nil {
		return n
	}
	return 10
}

// crowd creates so many pods at once, which stay.
func (c *cluster) crowd(t *testing.T) {
	size := crowdSize()
	s := &space{c, t, "crowd"}
	t.Cleanup(func() {
		if t.Failed() {
			s.show()
		}
	})
	s.kubectl("create", "namespace", s.name)
	s.eventually("account default", func() (string, bool) {
		_, err := c.CoreV1().ServiceAccounts(s.name).Get(t.Context(), "default", metav1.GetOptions{})
		return fmt.Sprint(err), err == nil
	})
	s.apply(deployment("crowd", size))
	s.eventually(fmt.Sprintf("%d replicas Running", size), func() (string, bool) { return s.running("app=crowd", size) })
}

// running tells whether so many pods run.
func (s *space) running(selector string, want int) (string, bool) {
	pods, err := s.CoreV1().Pods(s.name).List(s.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err.Error(), false
	}
	ready := 0
	for _, pod := range pods.Items {
		if pod.Status.Phase == corev1.PodRunning && pod.DeletionTimestamp == nil && isReady(&pod) {
			ready++
		}
	}
	return fmt.Sprintf("%d of %d pods Running", ready, len(pods.Items)), ready == want && len(pods.Items) == want
}

func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// latency is what `kubectl get pods` takes, all the time.
type latency struct {
	mu     sync.Mutex
	took   []time.Duration
	failed int
	last   error
}

// watchLatency asks twice a second until the test ends.
func watchLatency(t *testing.T, c *cluster) *latency {
	l := &latency{}
	go func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-t.Context().Done():
				return
			case <-tick.C:
			}
			begun := time.Now()
			_, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
			if t.Context().Err() != nil {
				return
			}
			l.mu.Lock()
			l.took = append(l.took, time.Since(begun))
			if err != nil && !c.server.stopped() {
				l.failed++
				l.last = err
			}
			l.mu.Unlock()
		}
	}()
	return l
}

func (l *latency) report(t *testing.T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return
	}
	slices.Sort(l.took)
	at := func(part float64) time.Duration {
		return l.took[int(part*float64(len(l.took)-1))].Round(time.Millisecond)
	}
	t.Logf("get pods all the while: %d times, median %v, 99%% %v, longest %v", len(l.took), at(0.5), at(0.99), at(1))
	if l.failed > 0 {
		t.Errorf("get pods failed %d times, the last with %v", l.failed, l.last)
	}
}
