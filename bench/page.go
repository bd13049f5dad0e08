package bench

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/internal/report"
)

// WriteHTML writes the result as one page with plots.
func (r *Result) WriteHTML(w io.Writer) error { return r.document().HTML(w) }

// WriteFolder writes it as Markdown, with the plots as files beside it.
func (r *Result) WriteFolder(dir string) error { return r.document().WriteFolder(dir) }

func (r *Result) document() *report.Document {
	d := &report.Document{Title: "What interception costs"}
	d.Verdict, d.Passed = r.verdict()
	d.Add("The run", r.about()...)
	d.Add("Against the floor", r.floors()...)
	d.Add("With more threads", r.threads()...)
	for _, scenario := range r.Scenarios {
		d.Add(scenario.Name, r.scenario(scenario)...)
	}
	d.Add("Contenders", r.contenders())
	return d
}

// verdict is the ratio that a reader asks for first.
func (r *Result) verdict() (string, bool) {
	ground := r.Grounds[len(r.Grounds)-1].Name
	for _, contender := range []string{"shimrun-seccomp", "shimrun-ptrace"} {
		ratio := r.Ratio(ground, "open", contender, r.floorOf(contender))
		if ratio.N == 0 {
			continue
		}
		text := fmt.Sprintf("On %s an open that is passed on costs %s %.2f times what the smallest supervisor of its kind in C costs",
			ground, contender, ratio.Median)
		if ratio.Doubtful() {
			return text + ", but the rounds disagree: measure again on an idle machine", false
		}
		return text, true
	}
	return "", true
}

// about says what was measured, where, and how.
func (r *Result) about() []report.Block {
	t := &report.Table{Columns: []string{"", ""}}
	k := r.Machine.Kernel
	t.Add("shimrun", r.Shimrun)
	t.Add("kernel", strings.Join([]string{k.Sysname, k.Release, k.Version, k.Machine}, " "))
	t.Add("processor", r.Processor)
	for _, g := range r.Grounds {
		t.Add("ground "+g.Name, cpuList(g.CPUs))
	}
	t.Add("filesystem", r.Filesystem+", told as in "+r.Lie)
	t.Add("begun", r.Started.Format("2006-01-02 15:04:05 MST"))
	t.Add("took", report.Seconds.Format(r.Seconds))
	t.Add("rounds", fmt.Sprintf("%d (%d of heavy scenarios), samples of %d ms, order by seed %d", r.Rounds, r.Heavy, r.Milliseconds, r.Seed))
	return []report.Block{t, report.List(r.notes())}
}

// floors compares each contender that has a floor with it.
func (r *Result) floors() []report.Block {
	var blocks []report.Block
	for _, ground := range r.Grounds {
		plot := report.Bars{
			Title:       "Cost as a multiple of the floor's, " + ground.Name,
			Description: "The floor is the smallest supervisor in C that does the same work. Whiskers: smallest and largest round.",
			X:           report.Axis{Label: "× floor", Unit: report.Times},
		}
		for _, scenario := range r.Scenarios {
			group := report.Group{Name: scenario.Name}
			for _, line := range r.rows(ground.Name, scenario.Name) {
				if line.floor.N == 0 || !strings.HasPrefix(line.contender, "shimrun-") {
					continue
				}
				if !slices.Contains(plot.Series, line.contender) {
					plot.Series = append(plot.Series, line.contender)
				}
				group.Bars = append(group.Bars, report.Bar{
					Label: line.contender, Value: line.floor.Median, Low: line.floor.Min, High: line.floor.Max,
					Series: slices.Index(plot.Series, line.contender),
				})
			}
			if len(group.Bars) > 0 {
				plot.Groups = append(plot.Groups, group)
			}
		}
		if len(plot.Groups) > 0 {
			blocks = append(blocks, plot)
		}
	}
	return blocks
}

// threads shows how cost goes with the number of threads.
func (r *Result) threads() []report.Block {
	var blocks []report.Block
	for _, ground := range r.Grounds {
		for _, kind := range []struct{ one, many, what string }{
			{"open", "open-", "passed on"}, {"open-served", "served-", "served"},
		} {
			plot := report.Line{
				Title:       "Opens " + kind.what + ", " + ground.Name,
				Description: "Wall-clock time for each operation of all threads together.",
				X:           report.Axis{Label: "threads"},
				Y:           report.Axis{Label: "time for one", Unit: report.Seconds, Log: true},
			}
			for _, contender := range r.Contenders {
				line := report.Series{Name: contender.Name}
				for _, threads := range []int{1, 2, 4, 8} {
					scenario := kind.one
					if threads > 1 {
						scenario = fmt.Sprintf("%s%dthreads", kind.many, threads)
					}
					if c := r.Cell(ground.Name, scenario, contender.Name); c != nil {
						s := seconds(c.Spread())
						line.Points = append(line.Points, report.Point{X: float64(threads), Y: s.Median, Low: s.Min, High: s.Max})
					}
				}
				if len(line.Points) > 1 {
					plot.Series = append(plot.Series, line)
				}
			}
			if len(plot.Series) > 0 {
				blocks = append(blocks, plot)
			}
		}
	}
	return blocks
}

// scenario has its plot and its tables.
func (r *Result) scenario(scenario Described) []report.Block {
	plot := report.Bars{
		Title: scenario.About, Description: "Median; whiskers: smallest and largest round.",
		X: report.Axis{Label: "time for one", Unit: report.Seconds},
	}
	var tables []report.Block
	for _, ground := range r.Grounds {
		rows := r.rows(ground.Name, scenario.Name)
		if len(rows) == 0 {
			continue
		}
		group := report.Group{Name: ground.Name}
		for _, line := range rows {
			group.Bars = append(group.Bars, report.Bar{
				Label: line.contender, Value: line.time.Median, Low: line.time.Min, High: line.time.Max,
				Series: seriesOf(line.contender),
			})
		}
		plot.Groups = append(plot.Groups, group)
		t := r.table(ground.Name, scenario)
		t.Caption = ground.Name
		tables = append(tables, t)
	}
	if len(plot.Groups) == 0 {
		return nil
	}
	plot.Series = []string{"no interception", "shimrun", "floors", "others"}
	return append([]report.Block{plot}, tables...)
}

// seriesOf is the colour of a contender's bar.
func seriesOf(contender string) int {
	switch {
	case contender == Bare:
		return 0
	case strings.HasPrefix(contender, "shimrun-"):
		return 1
	case strings.HasPrefix(contender, "floor-"):
		return 2
	}
	return 3
}

// contenders says what each is.
func (r *Result) contenders() report.Block {
	t := &report.Table{Columns: []string{"contender", "what it is", "floor", "version"}}
	for _, c := range r.Contenders {
		t.Add(c.Name, c.About, c.Floor, c.Version)
	}
	return t
}
