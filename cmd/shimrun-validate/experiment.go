package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/cluster"
	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
	"github.com/shimrun/shimrun/internal/report"
)

// lastLines of a failed server's log are shown.
const lastLines = 12

// stopPatience is what a server has to end by itself.
const stopPatience = time.Minute

// experiment performs a plan.
type experiment struct {
	plan     *plan
	errors   *os.File
	progress report.Progress
}

// perform makes all the runs. It fails where none can be made; an interruption
// is no failure of it.
func (e *experiment) perform(ctx context.Context) (*result, error) {
	r := &result{Schema: 1, Experiment: e.plan.what, Begun: time.Now(), plan: e.plan}
	if len(e.plan.server) == 0 {
		if err := e.plan.lookAtCluster(ctx); err != nil {
			return nil, err
		}
	}
	r.Agent = e.plan.agent
	r.Environment = environmentOf(ctx, e.plan)
	e.progress = report.NewProgress(e.errors, len(e.plan.sides)*(&attempt{plan: e.plan}).length())
	defer e.progress.Close()
	for i, under := range e.plan.sides {
		if ctx.Err() != nil {
			break
		}
		name := "run " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(e.plan.sides)) + sideName(under, e.plan)
		run, err := e.run(ctx, i, name, under)
		if err != nil {
			return nil, err
		}
		r.Runs = append(r.Runs, run)
		fmt.Fprintln(e.progress, name+": "+run.sentence())
		if r.impossible() != "" {
			break
		}
	}
	r.Interrupted = ctx.Err() != nil
	r.Ended = time.Now()
	return r, nil
}

// lookAtCluster finds out whether a cluster that runs answers, and has nodes.
func (p *plan) lookAtCluster(ctx context.Context) error {
	c, err := cluster.Open(p.kubeconfig)
	if err != nil {
		return fmt.Errorf("--kubeconfig: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	nodes, err := c.Nodes(ctx)
	if err != nil {
		return fmt.Errorf("the cluster of %s does not answer: %w", p.kubeconfig, err)
	}
	p.agent = len(nodes) > 0
	if p.what == worker && !p.agent {
		return errors.New("the cluster has no node, and a worker needs one; see shimrun validate control-plane")
	}
	return nil
}

// run starts a server, does to it what the experiment is, and stops it.
func (e *experiment) run(ctx context.Context, number int, name string, under bool) (*run, error) {
	r := &run{Under: under, Begun: time.Now()}
	a := &attempt{plan: e.plan, run: r, begun: r.Begun, kubeconfig: e.plan.kubeconfig, name: name, progress: e.progress}
	dir := filepath.Join(e.plan.scratch, strconv.Itoa(number))
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	defer func() {
		if err := server.RemoveFolder(dir); err != nil {
			fmt.Fprintln(e.progress, "note:", err)
		}
	}()
	a.cache = filepath.Join(dir, "helm")
	if len(e.plan.server) == 0 {
		a.perform(ctx)
		r.Ran = time.Since(r.Begun).Seconds()
		return r, nil
	}

	stats := filepath.Join(dir, "stats.json")
	r.Command, a.kubeconfig = e.plan.commandOf(under, dir, stats)
	fmt.Fprintf(e.plan.log, "=== %s, %s: %s\n", name, r.Begun.Format(time.RFC3339), quote(r.Command))
	begin, err := e.plan.log.Seek(0, 2)
	if err != nil {
		return nil, err
	}
	s, err := server.Start(server.Options{Args: r.Command, Log: e.plan.log, Under: under})
	if err != nil {
		return nil, err
	}
	a.server, a.begun = s, s.Begun
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-s.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	a.perform(ctx)
	cancel()
	// A server that had ended by now did so by itself.
	ended := s.Ended() != nil
	if s.Stop(stopPatience) != nil {
		r.Killed = true
	} else {
		code := s.ExitCode()
		r.Exit = &code
	}
	r.Ran, r.ServerCPU = s.Lived().Seconds(), s.CPU().Seconds()
	if under {
		r.Shimrun = readFigures(stats)
	}
	if !r.Passed || ended {
		r.Passed = r.Passed && !ended
		r.LastLines, _ = server.LastLines(e.plan.log, begin, lastLines)
	}
	return r, nil
}

// readFigures reads a --stats-file; nil where shimrun has left none.
func readFigures(file string) *figures {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	var f figures
	if json.Unmarshal(text, &f) != nil {
		return nil
	}
	return &f
}

// sentence says how a run went.
func (r *run) sentence() string {
	passed, tried := 0, 0
	for _, s := range r.Steps {
		if s.Passed {
			passed++
		}
		if s.Tried && !s.Passed {
			return fmt.Sprintf("%s %s: %s", report.Failed, s.Name, s.Error)
		}
		tried++
	}
	if !r.Passed {
		return report.Failed + " ended early"
	}
	return fmt.Sprintf("%s %d of %d steps in %s", report.Passed, passed, tried, report.Seconds.Format(r.Ran))
}

// impossible says why nothing could be measured, if that is so: shimrun did not
// even start the server.
func (r *result) impossible() string {
	for _, run := range r.Runs {
		if !run.Under || run.Exit == nil || *run.Exit < 125 || *run.Exit > 127 || run.reached(stepReady) {
			continue
		}
		last := "it said nothing"
		if n := len(run.LastLines); n > 0 {
			last = run.LastLines[n-1]
		}
		return "the server was not started: " + last
	}
	return ""
}

func (r *run) reached(name string) bool {
	for _, s := range r.Steps {
		if s.Name == name {
			return s.Passed
		}
	}
	return false
}

func sideName(under bool, p *plan) string {
	switch {
	case len(p.server) == 0:
		return ""
	case under:
		return " with shimrun"
	}
	return " without shimrun"
}
