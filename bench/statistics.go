package bench

import (
	"math"
	"slices"

	"golang.org/x/perf/benchmath"
)

// confidence is that of intervals.
const confidence = 0.95

// present are the samples that there are.
func (s Samples) present() []float64 {
	return slices.DeleteFunc(slices.Clone(s), math.IsNaN)
}

// Spread is what samples come to.
type Spread struct {
	Median, Min, Max float64
	// Low and High bound the median, with 95 % confidence; infinite where the
	// samples are too few to say.
	Low, High float64
	N         int
}

// spread sums up numbers; all is NaN where there are none.
func spread(values []float64) Spread {
	if len(values) == 0 {
		nan := math.NaN()
		return Spread{nan, nan, nan, nan, nan, 0}
	}
	sample := benchmath.NewSample(slices.Clone(values), &benchmath.DefaultThresholds)
	summary := benchmath.AssumeNothing.Summary(sample, confidence)
	return Spread{
		Median: summary.Center, Low: summary.Lo, High: summary.Hi,
		Min: slices.Min(values), Max: slices.Max(values), N: len(values),
	}
}

// Spread sums up a cell.
func (c *Cell) Spread() Spread { return spread(c.NS.present()) }

// ratios divides what two cells needed in the same rounds.
func ratios(of, to *Cell) []float64 {
	if of == nil || to == nil {
		return nil
	}
	var all []float64
	for i := range min(len(of.NS), len(to.NS)) {
		if r := of.NS[i] / to.NS[i]; !math.IsNaN(r) && !math.IsInf(r, 0) {
			all = append(all, r)
		}
	}
	return all
}

// doubtful is how far the bounds of a ratio's median may be from it.
const doubtful = 0.1

// Doubtful tells whether the rounds disagree so much, or are so few, that the
// median says little.
func (s Spread) Doubtful() bool {
	return !(s.High-s.Median <= doubtful*s.Median && s.Median-s.Low <= doubtful*s.Median)
}

// Ratio compares a contender with another in the same scenario and rounds.
func (r *Result) Ratio(ground, scenario, of, to string) Spread {
	return spread(ratios(r.Cell(ground, scenario, of), r.Cell(ground, scenario, to)))
}
