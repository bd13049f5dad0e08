package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
	"github.com/shimrun/shimrun/internal/report"
)

// What stability allows.
const (
	settled      = 5 * time.Minute // growth counts from here,
	memoryGrowth = 0.10            // and may be so much.
)

// judge holds what was measured against the criteria.
func judge(r *result) {
	r.Sides = summarize(r)
	if len(r.Sides) == 0 {
		r.Criteria = []criterion{{Name: "any run", Want: "at least one", Got: "interrupted before the first ended"}}
		return
	}
	s := r.Sides[0] // with shimrun, where there are such runs
	for _, m := range s.Steps {
		r.criterion(m.Name, "in every run", fmt.Sprintf("%d of %d", m.Passed, s.Runs), m.Passed == s.Runs)
	}
	if wanted := len(r.plan.sides); len(r.Runs) < wanted {
		r.criterion("runs made", fmt.Sprint(wanted), fmt.Sprint(len(r.Runs)), false)
	}
	r.criterion("runs that succeeded", "all", fmt.Sprintf("%d of %d", s.Succeeded, s.Runs), s.Succeeded == s.Runs)
	r.judgeTimes(s)
	if r.Experiment == stability {
		for _, run := range r.Runs {
			if run.Under == s.Under {
				r.judgeStability(run)
			}
		}
	}
	r.Passed = !slices.ContainsFunc(r.Criteria, func(c criterion) bool { return !c.Passed })
}

func (r *result) criterion(name, want, got string, passed bool) {
	r.Criteria = append(r.Criteria, criterion{name, want, got, passed})
}

// judgeTimes holds the slowest run against the limits that the user gave.
func (r *result) judgeTimes(s side) {
	for _, limit := range []struct {
		name, from, to string
		within         time.Duration
	}{
		{"API server ready to node Ready", stepReady, stepNodeReady, r.plan.readyWithin},
		{"node Ready to pod Running", stepNodeReady, stepRunning, r.plan.runningWithin},
	} {
		if limit.within == 0 {
			continue
		}
		slowest, missed := 0.0, false
		for _, run := range r.Runs {
			if run.Under != s.Under {
				continue
			}
			from, to := run.step(limit.from), run.step(limit.to)
			if !from.Passed || !to.Passed {
				missed = true
				continue
			}
			slowest = max(slowest, to.At-from.At)
		}
		got := "at most " + report.Seconds.Format(slowest)
		if missed {
			got = "not in every run"
		}
		r.criterion(limit.name, "within "+limit.within.String(), got, !missed && slowest <= limit.within.Seconds())
	}
}

func (r *run) step(name string) step {
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	return step{}
}

func (r *result) judgeStability(run *run) {
	looks := run.Looks
	failed, restarts := 0, 0
	for _, l := range looks {
		if l.Error != "" {
			failed++
		}
		restarts = max(restarts, l.Restarts)
	}
	r.criterion("looks that succeeded", fmt.Sprint(r.plan.looks()), fmt.Sprint(len(looks)-failed), failed == 0 && len(looks) == r.plan.looks())
	if r.Agent {
		r.criterion("restarts of the pod", "0", fmt.Sprint(restarts), restarts == 0)
	}
	if !run.Under {
		return
	}
	of := func(l look) *server.Process { return l.Supervisor }
	pids := map[int]bool{}
	for _, l := range looks {
		if l.Supervisor != nil {
			pids[l.Supervisor.PID] = true
		}
	}
	restarted := "not looked at"
	if len(pids) > 0 {
		restarted = fmt.Sprint(len(pids) - 1)
	}
	r.criterion("restarts of shimrun's supervisor", "0", restarted, len(pids) == 1)
	memory := grow(looks, of, func(p *server.Process) float64 { return float64(p.Resident) })
	r.criterion("growth of shimrun's memory", "at most "+report.Percent.Format(memoryGrowth), memory.sentence(report.Bytes),
		memory.known && memory.share() <= memoryGrowth)
	descriptors := grow(looks, of, func(p *server.Process) float64 { return float64(p.Descriptors) })
	r.criterion("growth of shimrun's descriptors", "none", descriptors.sentence(report.Number),
		descriptors.known && descriptors.end <= descriptors.base)
}

// growth compares a quantity after it has settled with what it is at the end.
type growth struct {
	known           bool
	from, to        float64 // when, in seconds since the first look
	base, end, most float64
}

// grow takes the medians of some looks from minute 5 on (or, where the whole is
// shorter than a quarter of an hour, from a third of it on), and of as many at
// the end: one look may come in the middle of a garbage collection.
func grow(looks []look, of func(look) *server.Process, what func(*server.Process) float64) (g growth) {
	var at, values []float64
	for _, l := range looks {
		if p := of(l); p != nil && l.Error == "" {
			at, values = append(at, l.At-looks[0].At), append(values, what(p))
		}
	}
	if len(values) < 4 {
		return g
	}
	begin := min(settled.Seconds(), at[len(at)-1]/3)
	i := slices.IndexFunc(at, func(t float64) bool { return t >= begin-0.5 })
	// An odd number, so that a median is a value that was seen.
	n := min(5, (len(values)-i)/2-1|1)
	n = max(n, 1)
	if i+n > len(values)-n {
		return g
	}
	return growth{
		known: true, from: at[i], to: at[len(at)-1],
		base: median(values[i : i+n]), end: median(values[len(values)-n:]), most: slices.Max(values[i:]),
	}
}

func (g growth) share() float64 {
	if g.base == 0 {
		return 0
	}
	return g.end/g.base - 1
}

func (g growth) sentence(u report.Unit) string {
	if !g.known {
		return "too few looks"
	}
	return fmt.Sprintf("%s after %s, %s after %s (%+.1f %%; at most %s)", u.Format(g.base), report.Seconds.Format(g.from),
		u.Format(g.end), report.Seconds.Format(g.to), 100*g.share(), u.Format(g.most))
}
