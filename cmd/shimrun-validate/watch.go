package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// looks is how often the loop looks: at its beginning, at its end and between.
func (p *plan) looks() int { return int(p.duration/p.every) + 1 }

// watch is the stability loop. A look that fails does not end it; the end of
// the server does.
func (a *attempt) watch(ctx context.Context) error {
	begun := time.Now()
	failed := 0
	var first string
	for i := range a.plan.looks() {
		select {
		case <-time.After(time.Until(begun.Add(time.Duration(i) * a.plan.every))):
		case <-ctx.Done():
			if a.server != nil && a.server.Ended() != nil {
				return final{a.server.Ended()}
			}
			return final{errors.New("interrupted")}
		}
		l := a.look(ctx)
		a.run.Looks = append(a.run.Looks, l)
		if l.Error != "" {
			if failed++; first == "" {
				first = fmt.Sprintf("after %.0f s: %s", l.At, l.Error)
			}
		}
		a.progress.Say(fmt.Sprintf("%s: %v of %v, %d failures", a.name, time.Since(begun).Round(time.Second), a.plan.duration, failed))
		a.progress.Add(1)
	}
	if failed > 0 {
		return final{fmt.Errorf("%d of %d looks failed, the first %s", failed, a.plan.looks(), first)}
	}
	return nil
}

// look asks for the nodes, the namespaces and the pod once, and looks at the
// processes.
func (a *attempt) look(ctx context.Context) look {
	begun := time.Now()
	limited, cancel := context.WithTimeout(ctx, min(30*time.Second, a.plan.timeout))
	defer cancel()
	restarts, err := a.check(limited)
	l := look{At: begun.Sub(a.begun).Seconds(), Took: time.Since(begun).Seconds(), Restarts: restarts}
	if err != nil {
		l.Error = err.Error()
	}
	if a.server != nil {
		l.Supervisor, l.Server = a.server.Processes()
	}
	return l
}

func (a *attempt) check(ctx context.Context) (restarts int, err error) {
	if err := a.listNamespaces(ctx); err != nil {
		return 0, err
	}
	if !a.plan.agent {
		return 0, nil
	}
	if err := a.readyNode(ctx); err != nil {
		return 0, err
	}
	pod, err := a.cluster.Pod(ctx, a.plan.namespace, podName)
	if err == nil && pod.Phase != "Running" {
		err = fmt.Errorf("the pod is %s: %s", pod.Phase, pod.Why)
	}
	return pod.Restarts, err
}
