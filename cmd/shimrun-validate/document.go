package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/cmd/shimrun-validate/server"
	"github.com/shimrun/shimrun/internal/report"
)

// document is the result in the form of the research's experiments.
func (r *result) document() *report.Document {
	d := &report.Document{Title: r.title(), Verdict: r.verdict(), Passed: r.Passed}
	d.Add("Hypothesis", report.Text(r.hypothesis()))
	d.Add("Method", r.method()...)
	d.Add("Results", r.results()...)
	d.Add("Analysis", report.List(r.analysis()))
	d.Add("Next steps", report.List(r.nextSteps()))
	return d
}

func (r *result) title() string {
	subject := "a running cluster"
	if len(r.plan.server) > 0 {
		subject = filepath.Base(r.plan.server[0])
	}
	return fmt.Sprintf("shimrun validate %s: %s", r.Experiment, subject)
}

func (r *result) hypothesis() string {
	how := ""
	switch {
	case len(r.Sides) == 2:
		how = " under shimrun, at little more than what it takes without"
	case len(r.plan.under) > 0:
		how = " under shimrun"
	}
	switch r.Experiment {
	case controlPlane:
		if r.Agent {
			return "The control plane works here" + how + ": namespaces are listed and made, and a Helm chart is installed and its pods are scheduled."
		}
		return "The control plane works here without a node" + how + ": namespaces are listed and made, and a Helm chart is installed."
	case worker:
		return "A node works here" + how + ": it becomes Ready, and a pod runs, can be read, entered, measured and deleted."
	}
	return fmt.Sprintf("The cluster works here%s for %s: no look every %s fails, and nothing grows.", how,
		report.Seconds.Format(r.plan.duration.Seconds()), report.Seconds.Format(r.plan.every.Seconds()))
}

func (r *result) method() []report.Block {
	e := r.Environment
	commands := "cd " + quote([]string{e.Directory}) + "\n" + quote(e.Command) + "\n"
	if len(r.Runs) > 0 && len(r.plan.server) > 0 {
		commands += "# which ran, with a folder for each run:\n"
		seen := map[bool]bool{}
		for _, run := range r.Runs {
			if !seen[run.Under] {
				seen[run.Under] = true
				commands += quote(run.Command) + "\n"
			}
		}
	}
	versions := &report.Table{Columns: []string{"part", "version or setting"}}
	versions.Add("shimrun validate", e.Validate)
	d, known := e.doctor()
	if known {
		versions.Add("shimrun", d.Shimrun)
	}
	for _, run := range r.Runs {
		if run.Server != "" {
			versions.Add("Kubernetes, as the API server says", run.Server)
			break
		}
	}
	for _, name := range slices.Sorted(maps.Keys(e.Libraries)) {
		versions.Add(name, e.Libraries[name])
	}
	versions.Add("kernel", e.Kernel)
	if known {
		k := d.Machine.Kernel
		versions.Add("kernel, in full", strings.Join([]string{k.Sysname, k.Release, k.Version, k.Machine}, " "))
		versions.Add("root filesystem", d.Machine.Root.Type+" "+d.Machine.Root.Source)
		versions.Add("user, capabilities", fmt.Sprintf("%d, %d of them", d.Machine.UID, len(d.Machine.Capabilities)))
		for _, p := range d.Profiles {
			versions.Add("profile that auto takes: "+p.Name, strings.Join(p.Because, "; "))
		}
	}
	for _, run := range r.Runs {
		if run.Shimrun != nil && run.Shimrun.Backend != "" {
			versions.Add("backend that answered", run.Shimrun.Backend)
			break
		}
	}
	versions.Add("processors, memory", fmt.Sprintf("%d, %s", e.CPUs, report.Bytes.Format(float64(e.Memory))))
	for _, name := range slices.Sorted(maps.Keys(e.Variables)) {
		versions.Add("$"+name, e.Variables[name])
	}
	runs := "1 run"
	if len(r.Runs) != 1 {
		runs = fmt.Sprintf("%d runs", len(r.Runs))
	}
	text := fmt.Sprintf("%s, from %s to %s.", runs, r.Begun.UTC().Format("2006-01-02 15:04:05"), r.Ended.UTC().Format("15:04:05 UTC"))
	if len(r.Sides) == 2 {
		text += " Runs with and without shimrun took turns."
	}
	text += " Times count from the start of the server; each step was tried every 50 ms until it succeeded. Medians stand with the least and the greatest value."
	return []report.Block{report.Code(commands), report.Text(text), versions}
}

func (r *result) results() []report.Block {
	blocks := []report.Block{r.criteriaTable()}
	if t := r.timesTable(); t != nil && len(t.Rows) > 0 {
		blocks = append(blocks, t, r.timeline())
	}
	if t := r.figuresTable(); len(t.Rows) > 0 {
		blocks = append(blocks, t)
	}
	if h, found := r.histogram(); found {
		blocks = append(blocks, h)
	}
	blocks = append(blocks, r.stabilityPlots()...)
	if t := r.processTable(); t != nil {
		blocks = append(blocks, t)
	}
	if rows := r.calls(); len(rows) > 0 {
		t := &report.Table{Caption: "Trapped system calls", Columns: []string{"call", "seen#", "continued#", "answered#", "refused#"}}
		for _, c := range rows {
			t.Add(c.name, count(c.seen), count(c.continued), count(c.answered), count(c.refused))
		}
		blocks = append(blocks, t)
	}
	if rows := r.lies(); len(rows) > 0 {
		t := &report.Table{Caption: "What was asked for", Columns: []string{"lie", "asked for#", "told#"}}
		for _, l := range rows {
			t.Add(l.name, count(l.asked), count(l.told))
		}
		blocks = append(blocks, t)
	}
	for i, run := range r.Runs {
		failure := run.failure()
		if failure == "" {
			continue
		}
		blocks = append(blocks, report.Text(fmt.Sprintf("Run %d%s: %s", i+1, sideName(run.Under, r.plan), failure)))
		if len(run.LastLines) > 0 {
			blocks = append(blocks, report.Code(strings.Join(run.LastLines, "\n")))
		}
	}
	return blocks
}

func count(n uint64) string { return report.Number.Format(float64(n)) }

// timeline shows each step from the one before it to its own milestone.
func (r *result) timeline() report.Timeline {
	t := report.Timeline{Title: "Start-up and use", Description: "Each step from the end of the one before it; medians, with the earliest and the latest end.",
		X: report.Axis{Label: "since the start of the server", Unit: report.Seconds}}
	for i := range r.Sides[0].Steps {
		row := report.Row{Name: r.Sides[0].Steps[i].Name}
		for n, s := range r.Sides {
			m := s.Steps[i]
			if m.Passed == 0 || m.Name == stepWatched {
				continue
			}
			row.Spans = append(row.Spans, report.Span{From: max(0, m.At-m.Took), To: m.At, Low: m.Earliest, High: m.Latest, Series: n})
		}
		if r.Sides[0].Steps[i].Name == stepWatched {
			break // what comes after an hour would make the rest a line
		}
		t.Rows = append(t.Rows, row)
	}
	for _, s := range r.Sides {
		t.Series = append(t.Series, strings.TrimSpace(sideName(s.Under, r.plan)))
	}
	return t
}

func (r *result) histogram() (report.Histogram, bool) {
	h := report.Histogram{Title: "Interception latency", Description: "From the stop of a trapped call to its answer, all calls of all runs.",
		X: report.Axis{Label: "latency", Unit: report.Seconds}}
	for _, s := range r.Sides {
		if len(s.Buckets) == 0 {
			continue
		}
		d := report.Distribution{}
		for _, b := range s.Buckets {
			d.Buckets = append(d.Buckets, report.Bucket{From: seconds(b.From), To: seconds(b.To), Count: uint64(b.Count)})
		}
		h.Series = append(h.Series, d)
		h.Marks = []report.Mark{{X: s.P50, Label: "p50"}, {X: s.P99, Label: "p99"}, {X: s.Max, Label: "max"}}
	}
	return h, len(h.Series) > 0
}

// stabilityPlots are of the last run of each side that was watched.
func (r *result) stabilityPlots() (blocks []report.Block) {
	for _, s := range r.Sides {
		var watched *run
		for _, run := range r.Runs {
			if run.Under == s.Under && len(run.Looks) > 1 {
				watched = run
			}
		}
		if watched == nil {
			continue
		}
		side := "" // where there is but one, there is nothing to tell apart
		if len(r.Sides) > 1 {
			side = "," + sideName(s.Under, r.plan)
		}
		x := report.Axis{Label: "since the start of the server", Unit: report.Seconds}
		line := func(title string, y report.Axis, of func(look) (float64, bool)) {
			series := report.Series{}
			for _, l := range watched.Looks {
				if v, ok := of(l); ok {
					series.Points = append(series.Points, report.Point{X: l.At, Y: v})
				}
			}
			if len(series.Points) == 0 {
				return
			}
			p := report.Line{Title: title + side, X: x, Y: y, Series: []report.Series{series}}
			for _, l := range watched.Looks {
				if l.Error != "" && len(p.Marks) < 8 {
					p.Marks = append(p.Marks, report.Mark{X: l.At, Label: "failed"})
				}
			}
			blocks = append(blocks, p)
		}
		of := func(pick func(look) *server.Process, what func(*server.Process) float64) func(look) (float64, bool) {
			return func(l look) (float64, bool) {
				p := pick(l)
				if p == nil {
					return 0, false
				}
				return what(p), true
			}
		}
		supervisor := func(l look) *server.Process { return l.Supervisor }
		itself := func(l look) *server.Process { return l.Server }
		resident := func(p *server.Process) float64 { return float64(p.Resident) }
		descriptors := func(p *server.Process) float64 { return float64(p.Descriptors) }
		bytes, number := report.Axis{Label: "resident", Unit: report.Bytes, Zero: true}, report.Axis{Label: "open", Zero: true}
		line("Memory of shimrun's supervisor", bytes, of(supervisor, resident))
		line("Descriptors of shimrun's supervisor", number, of(supervisor, descriptors))
		line("Memory of the server", bytes, of(itself, resident))
		line("Descriptors of the server", number, of(itself, descriptors))
		line("Time of a look", report.Axis{Label: "took", Unit: report.Seconds, Zero: true}, func(l look) (float64, bool) { return l.Took, true })
	}
	return blocks
}

// processTable has how processes grew in stability runs.
func (r *result) processTable() *report.Table {
	t := &report.Table{Caption: "Growth", Columns: []string{"run", "process", "quantity", "from, to", "verdict"}}
	for i, run := range r.Runs {
		for _, p := range []struct {
			name string
			of   func(look) *server.Process
		}{
			{"shimrun's supervisor", func(l look) *server.Process { return l.Supervisor }},
			{"server", func(l look) *server.Process { return l.Server }},
		} {
			for _, q := range []struct {
				name string
				unit report.Unit
				most float64
				what func(*server.Process) float64
			}{
				{"resident memory", report.Bytes, memoryGrowth, func(p *server.Process) float64 { return float64(p.Resident) }},
				{"descriptors", report.Number, 0, func(p *server.Process) float64 { return float64(p.Descriptors) }},
				{"threads", report.Number, 0, func(p *server.Process) float64 { return float64(p.Threads) }},
			} {
				g := grow(run.Looks, p.of, q.what)
				if !g.known {
					continue
				}
				verdict := "steady"
				if g.share() > q.most {
					verdict = "grew"
				}
				t.Add(fmt.Sprintf("%d%s", i+1, sideName(run.Under, r.plan)), p.name, q.name, g.sentence(q.unit), verdict)
			}
		}
	}
	if len(t.Rows) == 0 {
		return nil
	}
	return t
}
