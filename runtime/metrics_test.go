package runtime

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func TestMetrics(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	plan := Plan{
		Path: "/bin/sh", Args: []string{"sh", "-c", "cat /proc/shimtest; read x"},
		Backend: BackendAuto, Profile: []byte(testProfile), Metrics: address,
	}
	if status, out := wait(t, launchCommand(t, plan)); status.ExitStatus() != StatusFailed || !strings.Contains(out, "in use") {
		t.Errorf("a taken address: status %d, %s", status.ExitStatus(), out)
	}
	free.Close()
	cmd := launchCommand(t, plan)
	stdin, _ := cmd.StdinPipe()
	stdout, _ := cmd.StdoutPipe()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("hello\n"))); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	for _, want := range []string{`shimrun_calls_total{call="openat",outcome="answered"} 1`, `shimrun_call_duration_seconds_bucket{call="openat",le="+Inf"}`, `shimrun_call_duration_seconds_sum{call="openat"} 0.0`, `shimrun_build_info{version="`, "shimrun_supervisor_process_start_time_seconds", "shimrun_served_total", "shimrun_supervisor_process_cpu_seconds_total", "shimrun_supervisor_process_open_fds"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil || len(parsed) < 6 {
		t.Errorf("Prometheus would read %d families: %v\n%s", len(parsed), err, text)
	}
	for _, m := range parsed["shimrun_call_duration_seconds"].GetMetric() {
		h := m.GetHistogram()
		before := uint64(0)
		for _, b := range h.GetBucket() {
			if b.GetCumulativeCount() < before {
				t.Errorf("the bucket up to %g has %d, one below %d", b.GetUpperBound(), b.GetCumulativeCount(), before)
			}
			before = b.GetCumulativeCount()
		}
		if h.GetSampleCount() == 0 || before != h.GetSampleCount() || h.GetSampleSum() <= 0 {
			t.Errorf("%v", h)
		}
	}
	started := parsed["shimrun_supervisor_process_start_time_seconds"].GetMetric()[0].GetGauge().GetValue()
	if since := float64(time.Now().Unix()) - started; since < -2 || since > 120 {
		t.Errorf("started %g seconds ago", since)
	}
	stdin.Close()
	_ = cmd.Wait()
}
