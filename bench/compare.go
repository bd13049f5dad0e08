package bench

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sort"

	"golang.org/x/perf/benchmath"

	"github.com/shimrun/shimrun/internal/report"
)

// falseAlarms is the share of reported changes that may be none (a false
// discovery rate): with hundreds of cells, one in twenty would be reported of
// two runs of the same binary if each were judged by itself.
const falseAlarms = 0.05

// tolerated is how much dearer something may get and be no regression, however
// sure it is: less is the work of memory layouts and temperatures.
const tolerated = 0.03

// A Change is how a cell of one run differs from that of another.
type Change struct {
	Ground, Scenario, Contender string
	Old, New                    Spread // ratios to bare; seconds for bare itself
	// P is the probability of such a difference where there is none, by the
	// Mann-Whitney test, adjusted for the number of cells.
	P float64
	// Significant tells that the difference is none of chance.
	Significant bool
}

// Delta is the relative change, 0.1 for a tenth dearer.
func (c *Change) Delta() float64 { return c.New.Median/c.Old.Median - 1 }

// Regression tells whether a contender became dearer, surely and noticeably.
func (c *Change) Regression() bool {
	return c.Significant && c.Contender != Bare && c.Delta() > tolerated
}

// Compare finds what changed. Contenders are compared by their ratios to bare
// in the same rounds, so that another machine, or a busier one, is no change;
// bare itself by time, to show whether it was one.
func Compare(old, new *Result) ([]Change, error) {
	var changes []Change
	for i := range new.Cells {
		n := &new.Cells[i]
		before, after := old.judged(n), new.judged(n)
		if len(before) == 0 || len(after) == 0 {
			continue
		}
		a := benchmath.NewSample(slices.Clone(before), &benchmath.DefaultThresholds)
		b := benchmath.NewSample(slices.Clone(after), &benchmath.DefaultThresholds)
		changes = append(changes, Change{
			Ground: n.Ground, Scenario: n.Scenario, Contender: n.Contender,
			Old: spread(before), New: spread(after),
			P: benchmath.AssumeNothing.Compare(a, b).P,
		})
	}
	if len(changes) == 0 {
		return nil, errors.New("the two runs have no cell in common: measure the same scenarios, contenders and grounds")
	}
	adjust(changes)
	return changes, nil
}

// judged are the numbers by which a cell is compared.
func (r *Result) judged(like *Cell) []float64 {
	c := r.Cell(like.Ground, like.Scenario, like.Contender)
	if c == nil {
		return nil
	}
	if c.Contender != Bare {
		return ratios(c, r.Cell(c.Ground, c.Scenario, Bare))
	}
	values := c.NS.present()
	for i := range values {
		values[i] /= 1e9
	}
	return values
}

// adjust turns probabilities of single comparisons into those of many
// (Benjamini and Hochberg, 1995).
func adjust(changes []Change) {
	order := make([]int, len(changes))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool { return changes[order[i]].P < changes[order[j]].P })
	least := 1.0
	for rank := len(order); rank >= 1; rank-- {
		c := &changes[order[rank-1]]
		least = min(least, c.P*float64(len(order))/float64(rank))
		c.P = least
		c.Significant = least <= falseAlarms
	}
}

// PrintChanges writes a comparison, and returns how many regressions there are.
func PrintChanges(w io.Writer, changes []Change) (regressions int, err error) {
	t := &report.Table{Columns: []string{"ground", "scenario", "contender", "old#", "new#", "change#", "p#", ""}}
	same := 0
	for i := range changes {
		c := &changes[i]
		unit := report.Times
		if c.Contender == Bare {
			unit = report.Seconds
		}
		verdict := ""
		switch {
		case !c.Significant:
			same++
			continue
		case c.Regression():
			regressions++
			verdict = "regression"
		case c.Contender == Bare:
			verdict = "the machine"
		case c.Delta() < 0:
			verdict = "better"
		}
		t.Add(c.Ground, c.Scenario, c.Contender, unit.Format(c.Old.Median), unit.Format(c.New.Median),
			fmt.Sprintf("%+.1f %%", 100*c.Delta()), fmt.Sprintf("%.4f", c.P), verdict)
	}
	if len(t.Rows) > 0 {
		if err := t.Print(w); err != nil {
			return regressions, err
		}
		fmt.Fprintln(w)
	}
	_, err = fmt.Fprintf(w, "%d compared, %d without a sure difference, %d regressions (dearer by more than %.0f %%; at most %.0f %% of the changes are chance).\n",
		len(changes), same, regressions, 100*tolerated, 100*falseAlarms)
	return regressions, err
}
