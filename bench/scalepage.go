package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/shimrun/shimrun/internal/report"
)

// WriteJSON writes the result for machines.
func (r *ScaleResult) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", " ")
	return encoder.Encode(r)
}

// WriteHTML writes it as one page with plots.
func (r *ScaleResult) WriteHTML(w io.Writer) error { return r.document().HTML(w) }

// WriteFolder writes it as Markdown, with the plots as files beside it.
func (r *ScaleResult) WriteFolder(dir string) error { return r.document().WriteFolder(dir) }

// Print writes the tables for a terminal.
func (r *ScaleResult) Print(w io.Writer) error {
	for _, g := range growths() {
		if t := r.table(g); t != nil {
			t.Caption = g.name + ": " + g.about
			if err := t.Print(w); err != nil {
				return err
			}
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
	}
	_, err := fmt.Fprintln(w, slopeNote)
	return err
}

const slopeNote = "The slope is k where cost goes with n to the k: 0 does not grow, 1 is linear. " +
	"First that of a line through all points of the log-log plot, then that at the end, over a factor of five or more."

func (r *ScaleResult) curves(growth, measure string) (curves []*Curve) {
	for i := range r.Curves {
		if c := &r.Curves[i]; c.Growth == growth && (measure == "" || c.Measure == measure) {
			curves = append(curves, c)
		}
	}
	return curves
}

// table has a row for each curve; nil where nothing was measured.
func (r *ScaleResult) table(g growth) *report.Table {
	t := &report.Table{Columns: []string{"", "backend"}}
	for _, n := range g.sizes {
		t.Columns = append(t.Columns, strconv.Itoa(n))
	}
	t.Columns = append(t.Columns, "slope", "at the end")
	curves := r.curves(g.name, "")
	if len(curves) == 0 {
		return nil
	}
	for _, c := range curves {
		row := []string{c.Measure, c.Backend}
		for _, p := range c.Points {
			row = append(row, c.Unit.Format(spread(p.Values.present()).Median))
		}
		t.Add(append(row, exponent(c.Whole()), exponent(c.Last()))...)
	}
	return t
}

func exponent(k float64) string {
	if math.IsNaN(k) || math.IsInf(k, 0) {
		return "–"
	}
	return strconv.FormatFloat(k, 'f', 2, 64)
}

func (r *ScaleResult) document() *report.Document {
	d := &report.Document{Title: "How cost grows", Passed: true}
	var steep []string
	for i := range r.Curves {
		if c := &r.Curves[i]; c.Last() > 1.1 {
			steep = append(steep, fmt.Sprintf("%s with %s (%s, %s)", c.Measure, c.Growth, c.Backend, exponent(c.Last())))
		}
	}
	d.Verdict = "Nothing grew faster than linearly"
	if len(steep) > 0 {
		d.Verdict, d.Passed = "Grew faster than linearly: "+strings.Join(steep, "; "), false
	}
	about := &report.Table{Columns: []string{"", ""}}
	k := r.Machine.Kernel
	about.Add("shimrun", r.Shimrun)
	about.Add("kernel", strings.Join([]string{k.Sysname, k.Release, k.Version, k.Machine}, " "))
	about.Add("processor", r.Processor)
	about.Add("begun", r.Started.Format("2006-01-02 15:04:05 MST"))
	about.Add("took", report.Seconds.Format(r.Seconds))
	about.Add("rounds", strconv.Itoa(r.Rounds))
	d.Add("The run", about, report.Text(slopeNote))
	for _, g := range growths() {
		t := r.table(g)
		if t == nil {
			continue
		}
		blocks := []report.Block{report.Text("More " + g.about + "."), t}
		for _, m := range g.measures {
			blocks = append(blocks, r.plot(g, m))
		}
		d.Add(g.name, append(blocks, report.List(r.problems(g.name)))...)
	}
	return d
}

func (r *ScaleResult) plot(g growth, m measure) report.Line {
	plot := report.Line{
		Title: m.name + " by " + g.name, Description: m.about + "; whiskers: smallest and largest round.",
		X: report.Axis{Label: g.name, Log: true}, Y: report.Axis{Unit: m.unit, Log: true},
	}
	for _, c := range r.curves(g.name, m.name) {
		series := report.Series{Name: c.Backend}
		for _, p := range c.Points {
			if s := spread(p.Values.present()); s.N > 0 {
				series.Points = append(series.Points, report.Point{X: float64(p.N), Y: s.Median, Low: s.Min, High: s.Max})
			}
		}
		plot.Series = append(plot.Series, series)
	}
	return plot
}

// problems are why points are missing.
func (r *ScaleResult) problems(growth string) (list []string) {
	for _, c := range r.curves(growth, "") {
		for _, p := range c.Points {
			if p.Problem != "" {
				list = append(list, fmt.Sprintf("%s, %s, %d: %s", c.Measure, c.Backend, p.N, p.Problem))
			}
		}
	}
	return list
}
