package main

import (
	"fmt"
	"strings"

	"github.com/shimrun/shimrun/internal/report"
)

// analysis says why it came out so, as far as the figures tell.
func (r *result) analysis() (said []string) {
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if r.Interrupted {
		say("The experiment was interrupted; figures are of what was done until then.")
	}
	for i, s := range r.Sides {
		name := strings.TrimSpace("Of the runs" + sideName(s.Under, r.plan))
		say("%s %d of %d succeeded.", name, s.Succeeded, s.Runs)
		for _, f := range r.failures(s.Under) {
			say("%s failed in %d of them: %s", f.step, f.times, f.first)
		}
		slowest := milestone{}
		for _, m := range s.Steps {
			if m.Passed > 0 && m.Name != stepWatched && m.Took > slowest.Took {
				slowest = m
			}
		}
		if slowest.Took > 0 {
			say("Most of the time went into %q: %s (median).", slowest.Name, report.Seconds.Format(slowest.Took))
		}
		if i == 0 && s.Calls > 0 {
			say("The server made %s calls that were intercepted, %s a second; half of them were answered within %s, one of a hundred took longer than %s, the longest %s.",
				report.Number.Format(float64(s.Calls)), report.Number.Format(s.PerSecond), report.Seconds.Format(s.P50), report.Seconds.Format(s.P99), report.Seconds.Format(s.Max))
			say("shimrun used %s of all CPU time that it and the server used.", report.Percent.Format(s.CPUShare))
		}
		if i == 0 && s.Asked > 0 {
			lies := r.lies()
			var most []string
			for _, l := range lies[:min(3, len(lies))] {
				most = append(most, fmt.Sprintf("%s (%d)", l.name, l.asked))
			}
			say("%d of %d requests for something that only the profile has were served; most often asked for: %s.", s.Told, s.Asked, strings.Join(most, ", "))
			for _, l := range lies {
				if l.told < l.asked {
					say("%s could not be served %d times; the kernel answered.", l.name, l.asked-l.told)
				}
			}
		}
	}
	if len(r.Sides) == 2 {
		with, without := r.Sides[0], r.Sides[1]
		for i, m := range with.Steps {
			other := without.Steps[i]
			if (m.Name == stepReady || m.Name == stepNodeReady || m.Name == stepRunning) && m.Passed > 0 && other.Passed > 0 {
				say("%q came %s after the start with shimrun and %s without: %s as late.", m.Name,
					report.Seconds.Format(m.At), report.Seconds.Format(other.At), report.Times.Format(m.At/other.At))
			}
		}
		if with.Succeeded > 0 && without.Succeeded == 0 {
			say("Without shimrun no run succeeded: what it tells is needed here.")
		}
	}
	return said
}

type failureRow struct {
	step, first string
	times       int
}

// failures gathers what stopped the runs of a side, by step.
func (r *result) failures(under bool) (rows []failureRow) {
	for _, run := range r.Runs {
		if run.Under != under {
			continue
		}
		for _, s := range run.Steps {
			if !s.Tried || s.Passed {
				continue
			}
			known := false
			for i := range rows {
				if rows[i].step == s.Name {
					rows[i].times++
					known = true
				}
			}
			if !known {
				rows = append(rows, failureRow{s.Name, s.Error, 1})
			}
		}
	}
	return rows
}

// nextSteps says what to try, given how it came out.
func (r *result) nextSteps() (steps []string) {
	p := r.plan
	if !r.Passed {
		if len(p.server) > 0 && len(p.under) > 0 {
			steps = append(steps,
				"Read the server's log around the failure (--server-log keeps all of it).",
				"See what this machine lacks and what is told about it: shimrun doctor "+quote(p.server[:1])+".",
				"Run again with --under --log-level=debug: the log then has each lie as it is told.")
		} else if len(p.server) > 0 {
			steps = append(steps, "Run again without --without: shimrun may have what is lacking.")
		} else {
			steps = append(steps, "Look at the cluster's own events and logs at the time of the failure.")
		}
	}
	if r.Interrupted {
		return append(steps, "Run it to its end.")
	}
	if r.Passed {
		switch r.Experiment {
		case controlPlane:
			steps = append(steps, "shimrun validate worker: a node and a pod on it.")
		case worker:
			steps = append(steps, "shimrun validate stability: the same for an hour.")
		case stability:
			steps = append(steps, "Let real workloads run on it.")
		}
	}
	if p.runs < 5 && r.Experiment != stability {
		steps = append(steps, fmt.Sprintf("Make more runs: a success rate of %d runs and their medians say little (--runs 20).", p.runs))
	}
	if len(r.Sides) == 1 && len(p.under) > 0 {
		steps = append(steps, "Compare with runs without shimrun (--compare).")
	}
	return steps
}

// quote writes a command line so that a shell reads it back.
func quote(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a != "" && strings.Trim(a, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=./:,@%+{}") == "" {
			quoted[i] = a
			continue
		}
		quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}
