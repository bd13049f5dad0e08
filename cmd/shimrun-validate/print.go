package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/shimrun/shimrun/internal/report"
	"github.com/shimrun/shimrun/internal/textfile"
)

// print writes what a terminal has to say: criteria, times, figures, and what
// went wrong.
func (r *result) print(w io.Writer) error {
	for _, t := range []*report.Table{r.criteriaTable(), r.timesTable(), r.figuresTable(), r.processTable()} {
		if t == nil || len(t.Rows) == 0 {
			continue
		}
		if err := t.Print(w); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	for i, run := range r.Runs {
		if failure := run.failure(); failure != "" {
			fmt.Fprintf(w, "run %d%s: %s\n", i+1, sideName(run.Under, r.plan), failure)
		}
		for _, line := range run.LastLines {
			fmt.Fprintln(w, "  |", line)
		}
	}
	if len(r.plan.server) > 0 && (!r.Passed || r.plan.logKept) {
		fmt.Fprintln(w, "log of the server:", r.plan.keepLog())
	}
	_, err := fmt.Fprintf(w, "%s %s\n", mark(r.Passed), r.verdict())
	return err
}

// write writes the files that were asked for.
func (p *plan) write(r *result) error {
	d := r.document()
	for _, f := range []struct {
		flag, name string
		write      func(io.Writer) error
	}{
		{"json", p.jsonFile, func(w io.Writer) error {
			e := json.NewEncoder(w)
			e.SetIndent("", "  ")
			return e.Encode(r)
		}},
		{"markdown", p.markdown, d.Markdown},
		{"html", p.htmlFile, d.HTML},
	} {
		if f.name == "" {
			continue
		}
		if f.name == textfile.Output {
			if err := f.write(os.Stdout); err != nil {
				return fmt.Errorf("--%s: %w", f.flag, err)
			}
			continue
		}
		out, err := os.Create(f.name)
		if err == nil {
			err = f.write(out)
			if e := out.Close(); err == nil {
				err = e
			}
		}
		if err != nil {
			return fmt.Errorf("--%s: %w", f.flag, err)
		}
	}
	return nil
}

func mark(passed bool) string {
	if passed {
		return report.Passed
	}
	return report.Failed
}

// verdict is the whole in one sentence.
func (r *result) verdict() string {
	met := 0
	for _, c := range r.Criteria {
		if c.Passed {
			met++
		}
	}
	text := fmt.Sprintf("%s: %d of %d criteria met", r.Experiment, met, len(r.Criteria))
	if r.Interrupted {
		text += "; interrupted"
	}
	return text
}

// failure says what stopped a run, if anything did.
func (r *run) failure() string {
	for _, s := range r.Steps {
		if s.Tried && !s.Passed {
			return s.Name + ": " + s.Error
		}
	}
	switch {
	case r.Killed:
		return "the server did not end when it was asked to, and was killed"
	case !r.Passed:
		return "the server ended early"
	}
	return ""
}

func (r *result) criteriaTable() *report.Table {
	t := &report.Table{Columns: []string{"criterion", "wanted", "measured"}}
	for _, c := range r.Criteria {
		t.Add(c.Name, c.Want, mark(c.Passed)+" "+c.Got)
	}
	return t
}

// timesTable has the milestones of both sides beside each other.
func (r *result) timesTable() *report.Table {
	t := &report.Table{Columns: []string{"step"}}
	for _, s := range r.Sides {
		name := strings.TrimSpace(sideName(s.Under, r.plan))
		if name == "" {
			name = "this cluster"
		}
		t.Columns = append(t.Columns, name+"#")
		if s.Runs > 1 {
			t.Columns = append(t.Columns, "min … max#")
		}
		t.Columns = append(t.Columns, "step alone#")
	}
	if len(r.Sides) == 2 {
		t.Columns = append(t.Columns, "ratio#")
	}
	if len(r.Sides) == 0 {
		return nil
	}
	for i, m := range r.Sides[0].Steps {
		row := []string{m.Name}
		for _, s := range r.Sides {
			m := s.Steps[i]
			at, spread, took := "–", "", ""
			if m.Passed > 0 {
				at, took = report.Seconds.Format(m.At), report.Seconds.Format(m.Took)
				spread = report.Seconds.Format(m.Earliest) + " … " + report.Seconds.Format(m.Latest)
			}
			row = append(row, at)
			if s.Runs > 1 {
				row = append(row, spread)
			}
			row = append(row, took)
		}
		if len(r.Sides) == 2 && r.Sides[0].Steps[i].Passed > 0 && r.Sides[1].Steps[i].Passed > 0 {
			row = append(row, report.Times.Format(r.Sides[0].Steps[i].At/r.Sides[1].Steps[i].At))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// figuresTable has the metrics of each side.
func (r *result) figuresTable() *report.Table {
	t := &report.Table{Columns: []string{"figure"}}
	rows := [][]string{{"success rate"}, {"longest without failure"}, {"server's CPU time, median"}, {"interceptions"},
		{"interceptions per second"}, {"interception latency p50"}, {"p99"}, {"max"}, {"redirect success"}, {"shimrun's share of the CPU used"}}
	for _, s := range r.Sides {
		name := strings.TrimSpace(sideName(s.Under, r.plan))
		if name == "" {
			name = "this cluster"
		}
		t.Columns = append(t.Columns, name+"#")
		cells := []string{fmt.Sprintf("%d of %d", s.Succeeded, s.Runs), report.Seconds.Format(s.Stable), "–", "–", "–", "–", "–", "–", "–", "–"}
		if s.CPU > 0 {
			cells[2] = report.Seconds.Format(s.CPU)
		}
		if s.Calls > 0 {
			cells[3], cells[4] = report.Number.Format(float64(s.Calls)), report.Number.Format(s.PerSecond)
			cells[9] = report.Percent.Format(s.CPUShare)
		}
		if len(s.Buckets) > 0 {
			cells[5], cells[6], cells[7] = report.Seconds.Format(s.P50), report.Seconds.Format(s.P99), report.Seconds.Format(s.Max)
		}
		if s.Asked > 0 {
			cells[8] = fmt.Sprintf("%s (%d of %d)", report.Percent.Format(s.Success), s.Told, s.Asked)
		}
		for i := range rows {
			rows[i] = append(rows[i], cells[i])
		}
	}
	for _, row := range rows {
		// Not a row of dashes.
		if strings.Trim(strings.Join(row[1:], ""), "–") != "" {
			t.Rows = append(t.Rows, row)
		}
	}
	return t
}
