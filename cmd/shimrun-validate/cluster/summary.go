package cluster

import (
	"context"
	"encoding/json"
	"fmt"

	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// CheckSummary asks a node's kubelet for the statistics behind `kubectl top`,
// and says what is empty in them that must not be, of the node and of a pod.
func (c *Cluster) CheckSummary(ctx context.Context, node, namespace, pod string) error {
	text, err := c.client.CoreV1().RESTClient().Get().AbsPath("/api/v1/nodes", node, "proxy/stats/summary").DoRaw(ctx)
	if err != nil {
		return err
	}
	var s stats.Summary
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("stats/summary: %w", err)
	}
	return checkSummary(&s, namespace, pod)
}

func checkSummary(s *stats.Summary, namespace, pod string) error {
	switch {
	case s.Node.CPU == nil || zero(s.Node.CPU.UsageCoreNanoSeconds):
		return fmt.Errorf("stats/summary has no CPU time of the node")
	case s.Node.Memory == nil || zero(s.Node.Memory.WorkingSetBytes):
		return fmt.Errorf("stats/summary has no memory of the node")
	case s.Node.Fs == nil || zero(s.Node.Fs.CapacityBytes):
		return fmt.Errorf("stats/summary has no filesystem of the node")
	}
	for _, p := range s.Pods {
		if p.PodRef.Namespace != namespace || p.PodRef.Name != pod {
			continue
		}
		for _, container := range p.Containers {
			if container.CPU != nil && container.CPU.UsageCoreNanoSeconds != nil &&
				container.Memory != nil && !zero(container.Memory.WorkingSetBytes) {
				return nil
			}
		}
		return fmt.Errorf("stats/summary has no CPU time and memory of pod %s", pod)
	}
	return fmt.Errorf("stats/summary does not know pod %s; it has %d others", pod, len(s.Pods))
}

func zero(v *uint64) bool { return v == nil || *v == 0 }
