package bench

import (
	"math"
	"strings"
	"testing"
)

func TestSlopes(t *testing.T) {
	curve := func(cost func(n float64) float64) *Curve {
		c := &Curve{}
		for _, n := range []int{1, 10, 100, 1000, 2000} {
			y := cost(float64(n))
			c.Points = append(c.Points, CurvePoint{N: n, Values: Samples{y, math.NaN(), y}})
		}
		return c
	}
	for _, test := range []struct {
		what        string
		cost        func(n float64) float64
		whole, last float64
	}{
		{"constant", func(float64) float64 { return 5 }, 0, 0},
		{"linear", func(n float64) float64 { return 3 * n }, 1, 1},
		{"square", func(n float64) float64 { return n * n }, 2, 2},
		{"linear above a constant", func(n float64) float64 { return 100 + n }, 0.39, 0.78},
	} {
		c := curve(test.cost)
		if math.Abs(c.Whole()-test.whole) > 0.02 || math.Abs(c.Last()-test.last) > 0.02 {
			t.Errorf("%s: slopes %.2f and %.2f, want %.2f and %.2f", test.what, c.Whole(), c.Last(), test.whole, test.last)
		}
	}
}

// What grows too fast is the verdict.
func TestScaleVerdict(t *testing.T) {
	r := &ScaleResult{Curves: []Curve{{Growth: "nodes", Measure: "start", Backend: "seccomp", Points: []CurvePoint{
		{N: 10, Values: Samples{1}}, {N: 100, Values: Samples{100}},
	}}}}
	if d := r.document(); d.Passed || !strings.Contains(d.Verdict, "start with nodes") {
		t.Errorf("%v, %q", d.Passed, d.Verdict)
	}
}
