package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/cluster"
	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
	"github.com/shimrun/shimrun/internal/report"
)

// attempt is a run at work: its steps, one after the other, until one fails.
type attempt struct {
	plan     *plan
	run      *run
	begun    time.Time
	name     string
	progress report.Progress
	cache    string

	server     *server.Server // nil for a cluster that runs
	kubeconfig string
	cluster    *cluster.Cluster
	helm       *cluster.Helm
	node       string
	made       bool // the namespace is ours
}

// task is a step to be done: try is repeated until it succeeds, its error is
// final, or patience ends.
type task struct {
	name string
	try  func(context.Context) error
	// whole tells that try has a patience of its own.
	whole bool
}

// final marks an error that does not go away by trying again.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// again is the pause between two tries: short, as it limits how exactly
// milestones are known.
const again = 50 * time.Millisecond

// perform does the experiment's steps, and cleans up.
func (a *attempt) perform(ctx context.Context) {
	tasks := a.tasks()
	a.run.Passed = true
	for _, t := range tasks {
		s := step{Name: t.name}
		if a.run.Passed {
			a.progress.Say(a.name + ": " + t.name)
			begun := time.Now()
			err := a.attempt(ctx, t)
			now := time.Now()
			s.Tried, s.Passed = true, err == nil
			s.Took, s.At = now.Sub(begun).Seconds(), now.Sub(a.begun).Seconds()
			if err != nil {
				s.Error = err.Error()
				a.run.Passed = false
			}
		}
		a.run.Steps = append(a.run.Steps, s)
		a.progress.Add(1)
	}
	if !a.run.Passed {
		a.abandon()
	}
}

// length is the number of steps for the progress bar.
func (a *attempt) length() int {
	n := len(a.tasks())
	if a.plan.what == stability {
		n += a.plan.looks()
	}
	return n
}

func (a *attempt) attempt(ctx context.Context, t task) error {
	limited := ctx
	if !t.whole {
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, a.plan.timeout)
		defer cancel()
	}
	var last error
	for {
		err := t.try(limited)
		var f final
		switch {
		case err == nil:
			return nil
		case errors.As(err, &f):
			return f.error
		}
		// What the end of patience did to a request says nothing.
		if limited.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-time.After(again):
			continue
		case <-limited.Done():
		}
		switch {
		case a.server != nil && a.server.Ended() != nil:
			return a.server.Ended()
		case ctx.Err() != nil:
			return errors.New("interrupted")
		}
		return fmt.Errorf("not within %v: %w", a.plan.timeout, last)
	}
}

// abandon takes away what a run has left that did not come to its end.
func (a *attempt) abandon() {
	if !a.made || a.server != nil && a.server.Ended() != nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if a.helm != nil {
		_ = a.helm.Uninstall(release)
	}
	if a.cluster.DeleteNamespace(ctx, a.plan.namespace) != nil {
		return
	}
	for ctx.Err() == nil {
		if there, err := a.cluster.HasNamespace(ctx, a.plan.namespace); err == nil && !there {
			return
		}
		time.Sleep(again)
	}
}
