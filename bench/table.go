package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/internal/report"
)

// doubt stands beside a ratio of which the rounds disagree.
const doubt = "?"

// row is one cell as a reader sees it.
type row struct {
	contender string
	time      Spread // seconds
	bare      Spread // ratio to bare
	floor     Spread // ratio to its floor, N is 0 where there is none
}

// rows are the cells of a scenario on a ground that have samples.
func (r *Result) rows(ground, scenario string) []row {
	var all []row
	for i := range r.Cells {
		c := &r.Cells[i]
		if c.Ground != ground || c.Scenario != scenario || len(c.NS.present()) == 0 {
			continue
		}
		line := row{contender: c.Contender, time: seconds(c.Spread())}
		if c.Contender != Bare {
			line.bare = r.Ratio(ground, scenario, c.Contender, Bare)
		}
		if floor := r.floorOf(c.Contender); floor != "" {
			line.floor = r.Ratio(ground, scenario, c.Contender, floor)
		}
		all = append(all, line)
	}
	return all
}

func seconds(s Spread) Spread {
	for _, v := range []*float64{&s.Median, &s.Min, &s.Max, &s.Low, &s.High} {
		*v /= 1e9
	}
	return s
}

// formatRatio writes a ratio, with its doubt.
func formatRatio(s Spread) string {
	if s.N == 0 {
		return ""
	}
	text := fmt.Sprintf("%.2f", s.Median)
	if s.Doubtful() {
		text += doubt
	}
	return text
}

// table has one scenario on one ground.
func (r *Result) table(ground string, scenario Described) *report.Table {
	t := &report.Table{
		Caption: scenario.Name + ": " + scenario.About,
		Columns: []string{"", "median#", "min#", "max#", "× bare#", "× floor#"},
	}
	for _, line := range r.rows(ground, scenario.Name) {
		unit := report.Seconds
		t.Add(line.contender, unit.Format(line.time.Median), unit.Format(line.time.Min), unit.Format(line.time.Max),
			formatRatio(line.bare), formatRatio(line.floor))
	}
	return t
}

// Print writes the result for a terminal.
func (r *Result) Print(w io.Writer) error {
	for _, ground := range r.Grounds {
		fmt.Fprintf(w, "\n%s (%s)\n", ground.Name, cpuList(ground.CPUs))
		for _, scenario := range r.Scenarios {
			t := r.table(ground.Name, scenario)
			if len(t.Rows) == 0 {
				continue
			}
			fmt.Fprintln(w)
			if err := t.Print(w); err != nil {
				return err
			}
		}
	}
	for _, note := range r.notes() {
		fmt.Fprintf(w, "\n%s\n", note)
	}
	return nil
}

func cpuList(cpus []int) string {
	if len(cpus) == 1 {
		return fmt.Sprintf("processor %d", cpus[0])
	}
	return fmt.Sprintf("processors %s", strings.Trim(strings.ReplaceAll(fmt.Sprint(cpus), " ", ", "), "[]"))
}

// notes are what has to be known beside the figures.
func (r *Result) notes() []string {
	notes := []string{fmt.Sprintf("Ratios are medians of the %d rounds' own ratios (%d for heavy scenarios).", r.Rounds, r.Heavy)}
	ratios, doubted := 0, 0
	for _, ground := range r.Grounds {
		for _, scenario := range r.Scenarios {
			for _, line := range r.rows(ground.Name, scenario.Name) {
				for _, ratio := range []Spread{line.bare, line.floor} {
					if ratio.N == 0 {
						continue
					}
					ratios++
					if ratio.Doubtful() {
						doubted++
					}
				}
			}
		}
	}
	if doubted > 0 {
		notes = append(notes, fmt.Sprintf("%q marks %d of %d ratios as meaning little: their 95 %% interval is wider than ±%.0f %%, or the rounds are too few for one. More rounds or an idler machine help.",
			doubt, doubted, ratios, 100*doubtful))
	}
	return append(notes, r.problems()...)
}

// problems are the cells without samples, or without all, those of one reason
// together.
func (r *Result) problems() []string {
	var reasons []string
	cells := map[string][]string{}
	for _, c := range r.Cells {
		if c.Problem == "" {
			continue
		}
		reason := "Not measured: "
		if len(c.NS.present()) > 0 {
			reason = "Failed in some rounds: "
		}
		reason += c.Problem
		if cells[reason] == nil {
			reasons = append(reasons, reason)
		}
		name := c.Scenario + "/" + c.Contender
		if !slices.Contains(cells[reason], name) {
			cells[reason] = append(cells[reason], name)
		}
	}
	var all []string
	for _, reason := range reasons {
		all = append(all, reason+" ("+shortened(cells[reason])+")")
	}
	return all
}

func shortened(names []string) string {
	const most = 4
	if len(names) > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
