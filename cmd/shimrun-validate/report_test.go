package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
)

var update = flag.Bool("update", false, "write the golden files anew")

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// exampleFigures is a --stats-file.
func exampleFigures() *figures {
	var f figures
	err := json.Unmarshal([]byte(`{
		"since": "2030-01-02T12:00:00Z", "until": "2030-01-02T12:00:20Z",
		"calls": [
			{"call": "openat", "seen": 1600, "continued": 1500, "answered": 98, "refused": 2},
			{"call": "statfs", "seen": 400, "continued": 390, "answered": 10, "refused": 0}],
		"latency": {"p50_ns": 9000, "p99_ns": 90000, "max_ns": 800000, "buckets": [
			{"from_ns": 8000, "to_ns": 10000, "count": 1900}, {"from_ns": 80000, "to_ns": 100000, "count": 95}, {"from_ns": 700000, "to_ns": 800000, "count": 5}]},
		"lies": {"sysctls kernel.panic": 100, "devices /dev/kmsg": 8}, "failed": {"devices /dev/kmsg": 2},
		"backend": "seccomp", "supervisor": {"pid": 7, "user_ns": 400000000, "system_ns": 600000000, "max_resident_bytes": 20971520, "descriptors": 12}}`), &f)
	if err != nil {
		panic(err)
	}
	return &f
}

// example is a result with what is the same everywhere.
func example(what string, agent bool, sides ...bool) *result {
	p := &plan{
		what: what, agent: agent, runs: 1, sides: sides, timeout: time.Minute, duration: time.Hour, every: time.Minute,
		command: []string{"shimrun", "validate", what, "--", "k3s", "server"}, server: []string{"/usr/bin/k3s", "server"},
		under: []string{"/usr/bin/shimrun", "--profile=k3s"},
	}
	return &result{
		Schema: 1, Experiment: what, Agent: agent, Begun: noon, Ended: noon.Add(90 * time.Second), plan: p,
		Environment: environment{
			Command: p.command, Directory: "/home/me", Validate: "v1", Kernel: "Linux 4.4.0 x86_64", CPUs: 2, Memory: 8 << 30,
			Libraries: map[string]string{"go": "go1.26", "helm.sh/helm/v3": "v3", "k8s.io/client-go": "v0"}, Variables: map[string]string{"K3S_X": "y"},
			Doctor: json.RawMessage(`{"shimrun": "v1", "machine": {"kernel": {"sysname": "Linux", "release": "4.4.0", "version": "#1", "machine": "x86_64"},
				"root": {"type": "9p", "source": "none"}, "uid": 0, "capabilities": ["chown"]}, "profiles": [{"name": "gvisor", "because": ["statfs-enosys"]}]}`),
		},
	}
}

// ran adds a run whose steps take longer one by one, and of which the one
// named last fails.
func (r *result) ran(under bool, slow float64, fails string) *run {
	a := &attempt{plan: r.plan, run: &run{Under: under, Begun: noon, Passed: true, Server: "v1.34.2", Ran: 20, ServerCPU: 9}}
	if len(r.plan.server) > 0 {
		a.run.Command, _ = r.plan.commandOf(under, "/tmp/0", "/tmp/0/stats.json")
	}
	at := 0.0
	for i, t := range a.tasks() {
		s := step{Name: t.name}
		if a.run.Passed {
			s.Took = slow * float64(i%3+1)
			at += s.Took
			s.At, s.Tried, s.Passed = at, true, t.name != fails
			if !s.Passed {
				s.Error, a.run.Passed = "not within 1m0s: it said <no>", false
				a.run.LastLines = []string{"a | line", "failed to get rootfs info"}
			}
		}
		a.run.Steps = append(a.run.Steps, s)
	}
	status := 0
	if !a.run.Passed {
		status = 1
	}
	a.run.Exit = &status
	if under {
		a.run.Shimrun = exampleFigures()
	}
	r.Runs = append(r.Runs, a.run)
	return a.run
}

// watched adds looks, with memory that grows by a share an hour.
func (run *run) watched(p *plan, growth float64, descriptors int) *run {
	for i := range p.looks() {
		t := float64(i) * p.every.Seconds()
		l := look{At: 10 + t, Took: 0.01 + 0.005*math.Sin(t)}
		l.Server = &server.Process{PID: 20, Resident: int64(400e6 * (1 + t/36000)), Descriptors: 200 + i%3, Threads: 20}
		if run.Under {
			l.Supervisor = &server.Process{PID: 10, Resident: int64(20e6 * (1 + growth*t/3600)), Descriptors: 12, Threads: 9}
			if t > 1800 {
				l.Supervisor.Descriptors += descriptors
			}
		}
		run.Looks = append(run.Looks, l)
	}
	return run
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-update writes it anew):\n%s", path, diff)
	}
}

// Each kind of report in each of its forms.
func TestReports(t *testing.T) {
	compared := example(worker, true, true, false, false, true)
	compared.plan.readyWithin, compared.plan.runningWithin = 15*time.Second, 3*time.Second
	compared.ran(true, 1, "")
	compared.ran(false, 0.8, stepNodeReady)
	compared.ran(false, 0.9, stepNodeReady)
	compared.ran(true, 1.2, "")

	stable := example(stability, true, true)
	stable.ran(true, 1, "").watched(stable.plan, 0.05, 0)

	interrupted := example(controlPlane, false, true, true)
	interrupted.Interrupted = true
	interrupted.ran(true, 1, stepChart)

	cluster := example(controlPlane, true, false)
	cluster.plan.server, cluster.plan.under, cluster.plan.kubeconfig = nil, nil, "/root/.kube/config"
	run := cluster.ran(false, 0.1, "")
	run.Command, run.Exit, run.ServerCPU = nil, nil, 0

	log, err := os.Open(os.DevNull) // for its name
	if err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*result{"compared": compared, "stable": stable, "interrupted": interrupted, "cluster": cluster} {
		judge(r)
		var terminal, markdown, html bytes.Buffer
		r.plan.log, r.plan.logKept = log, true
		if err := r.print(&terminal); err != nil {
			t.Fatal(err)
		}
		d := r.document()
		if err := d.Markdown(&markdown); err != nil {
			t.Fatal(err)
		}
		if err := d.HTML(&html); err != nil {
			t.Fatal(err)
		}
		golden(t, name+".txt", terminal.Bytes())
		golden(t, name+".md", markdown.Bytes())
		golden(t, name+".html", html.Bytes())
	}
	if compared.Passed || !stable.Passed || interrupted.Passed || !cluster.Passed {
		t.Errorf("passed: %v %v %v %v", compared.Passed, stable.Passed, interrupted.Passed, cluster.Passed)
	}
}

// What is judged, and by what.
func TestJudge(t *testing.T) {
	failed := func(r *result) (names []string) {
		judge(r)
		for _, c := range r.Criteria {
			if !c.Passed {
				names = append(names, c.Name)
			}
		}
		return names
	}
	for _, c := range []struct {
		name string
		make func() *result
		want []string
	}{
		{"nothing ran", func() *result { return example(worker, true, true) }, []string{"any run"}},
		{"runs without shimrun do not count", func() *result {
			r := example(controlPlane, false, true, false)
			r.ran(true, 1, "")
			r.ran(false, 1, stepReady)
			return r
		}, nil},
		{"unless there are no others", func() *result {
			r := example(controlPlane, false, false)
			r.ran(false, 1, stepCleaned)
			return r
		}, []string{stepCleaned, "runs that succeeded"}},
		{"a run is missing", func() *result {
			r := example(controlPlane, false, true, true)
			r.ran(true, 1, "")
			return r
		}, []string{"runs made"}},
		{"the slowest decides", func() *result {
			r := example(worker, true, true, true)
			r.plan.readyWithin = 5 * time.Second
			r.ran(true, 1, "")
			r.ran(true, 3, "")
			return r
		}, []string{"API server ready to node Ready"}},
		{"memory", func() *result {
			r := example(stability, true, true)
			r.ran(true, 1, "").watched(r.plan, 0.2, 0)
			return r
		}, []string{"growth of shimrun's memory"}},
		{"descriptors", func() *result {
			r := example(stability, true, true)
			r.ran(true, 1, "").watched(r.plan, 0, 1)
			return r
		}, []string{"growth of shimrun's descriptors"}},
		{"a look, a restart, another supervisor", func() *result {
			r := example(stability, true, true)
			run := r.ran(true, 1, "").watched(r.plan, 0, 0)
			run.Looks[20].Error = "timeout"
			run.Looks[30].Restarts = 1
			for _, l := range run.Looks[40:] {
				l.Supervisor.PID++
			}
			return r
		}, []string{"looks that succeeded", "restarts of the pod", "restarts of shimrun's supervisor"}},
		{"cut off", func() *result {
			r := example(stability, true, true)
			run := r.ran(true, 1, stepWatched).watched(r.plan, 0, 0)
			run.Looks = run.Looks[:2]
			return r
		}, []string{stepWatched, stepPodGone, stepCleaned, "runs that succeeded", "looks that succeeded", "growth of shimrun's memory", "growth of shimrun's descriptors"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, failed(c.make())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestGrow(t *testing.T) {
	rss := func(p *server.Process) float64 { return float64(p.Resident) }
	of := func(l look) *server.Process { return l.Server }
	looks := func(every float64, values ...int64) (looks []look) {
		for i, v := range values {
			looks = append(looks, look{At: 100 + float64(i)*every, Server: &server.Process{Resident: v}})
		}
		return looks
	}
	for _, c := range []struct {
		looks     []look
		known     bool
		base, end float64
	}{
		{looks(60, 1, 2, 3), false, 0, 0},
		{looks(60, 9, 1, 1, 2, 2, 2), true, 1, 2},                                            // begins after a third
		{looks(60, 9, 9, 9, 9, 9, 5, 5, 90, 5, 5, 5, 5, 5, 5, 5, 1, 6, 6, 6, 6), true, 5, 6}, // outliers do not count
	} {
		g := grow(c.looks, of, rss)
		if g.known != c.known || g.base != c.base || g.end != c.end {
			t.Errorf("%d looks: %+v", len(c.looks), g)
		}
	}
}

func TestSummarize(t *testing.T) {
	r := example(controlPlane, false, true, true)
	r.ran(true, 1, "")
	r.ran(true, 2, stepNamespace)
	s := summarize(r)[0]
	got := fmt.Sprint(s.Runs, s.Succeeded, s.Calls, s.PerSecond, s.Told, s.Asked, s.CPUShare, s.P50, s.P99, s.Max)
	if want := fmt.Sprint(2, 1, 4000, 100., 216, 220, 0.1, 1e-5, 1e-4, 8e-4); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	ready := s.Steps[1]
	if ready.Name != stepReady || ready.Passed != 2 || ready.At != 4.5 || ready.Earliest != 3 || ready.Latest != 6 {
		t.Errorf("%+v", ready)
	}
}
