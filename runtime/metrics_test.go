package runtime

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

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
	for _, want := range []string{`shimrun_calls_total{call="openat",outcome="answered"} 1`, `shimrun_call_duration_seconds{call="openat",quantile="0.99"}`, "shimrun_served_total", "shimrun_supervisor_process_cpu_seconds_total", "shimrun_supervisor_process_open_fds"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil || len(parsed) < 6 {
		t.Errorf("Prometheus would read %d families: %v\n%s", len(parsed), err, text)
	}
	stdin.Close()
	_ = cmd.Wait()
}
