package cluster

import (
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	stats "k8s.io/kubelet/pkg/apis/stats/v1alpha1"

	"github.com/shimrun/shimrun/examples"
)

// The built-in chart is one, whole, and takes the image.
func TestChart(t *testing.T) {
	c, err := LoadChart(examples.Chart, "chart")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	values, err := chartutil.ToRenderValues(c, map[string]any{"image": "my/image:1"}, chartutil.ReleaseOptions{Name: "test", Namespace: "ns"}, chartutil.DefaultCapabilities)
	if err != nil {
		t.Fatal(err)
	}
	files, err := engine.Render(c, values)
	if err != nil {
		t.Fatal(err)
	}
	deployment := files["hello/templates/deployment.yaml"]
	for _, want := range []string{"my/image:1", "app.kubernetes.io/instance: test", "kind: Deployment"} {
		if !strings.Contains(deployment, want) {
			t.Errorf("no %q in\n%s", want, deployment)
		}
	}
}

func TestCheckSummary(t *testing.T) {
	n := func(v uint64) *uint64 { return &v }
	whole := func() *stats.Summary {
		return &stats.Summary{
			Node: stats.NodeStats{CPU: &stats.CPUStats{UsageCoreNanoSeconds: n(1)}, Memory: &stats.MemoryStats{WorkingSetBytes: n(1)}, Fs: &stats.FsStats{CapacityBytes: n(1)}},
			Pods: []stats.PodStats{{PodRef: stats.PodReference{Name: "other"}}, {
				PodRef:     stats.PodReference{Name: "pod", Namespace: "ns"},
				Containers: []stats.ContainerStats{{CPU: &stats.CPUStats{UsageCoreNanoSeconds: n(0)}, Memory: &stats.MemoryStats{WorkingSetBytes: n(1)}}},
			}},
		}
	}
	if err := checkSummary(whole(), "ns", "pod"); err != nil {
		t.Error(err)
	}
	for says, spoil := range map[string]func(*stats.Summary){
		"CPU time of the node":   func(s *stats.Summary) { s.Node.CPU = nil },
		"memory of the node":     func(s *stats.Summary) { s.Node.Memory.WorkingSetBytes = n(0) },
		"filesystem of the node": func(s *stats.Summary) { s.Node.Fs.CapacityBytes = nil },
		"CPU time and memory of": func(s *stats.Summary) { s.Pods[1].Containers[0].Memory = nil },
		"does not know pod pod":  func(s *stats.Summary) { s.Pods = s.Pods[:1] },
		"it has 0 others":        func(s *stats.Summary) { s.Pods = nil },
	} {
		s := whole()
		spoil(s)
		if err := checkSummary(s, "ns", "pod"); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
}
