package bench

import (
	"bytes"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fake is a result in which each round has its own disturbance, common to all,
// and bare costs 1 µs.
func fake(seed uint64, disturbance float64, costs map[string]float64) *Result {
	const rounds = 10
	source := rand.New(rand.NewPCG(seed, 1))
	r := &Result{Schema: resultSchema, Rounds: rounds, Heavy: 6, Grounds: []Ground{{Name: "g", CPUs: []int{0}}},
		Scenarios: []Described{{Name: "s", About: "something"}}}
	disturbances := make([]float64, rounds)
	for i := range disturbances {
		disturbances[i] = 1 + disturbance*source.Float64()
	}
	for _, name := range []string{Bare, "floor-x", "shimrun-x", "same"} {
		cost, ok := costs[name]
		if !ok {
			continue
		}
		d := Described{Name: name}
		if name == "shimrun-x" {
			d.Floor = "floor-x"
		}
		r.Contenders = append(r.Contenders, d)
		c := Cell{Ground: "g", Scenario: "s", Contender: name}
		for i := range rounds {
			c.NS = append(c.NS, cost*disturbances[i]*(1+0.02*source.Float64()))
		}
		r.Cells = append(r.Cells, c)
	}
	return r
}

// A machine that is busy in some rounds moves times, and not ratios.
func TestRatiosAreOfTheSameRound(t *testing.T) {
	r := fake(1, 5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 5000})
	time := r.Cell("g", "s", "shimrun-x").Spread()
	if !time.Doubtful() {
		t.Errorf("the times should be all over the place: %+v", time)
	}
	ratio := r.Ratio("g", "s", "shimrun-x", "floor-x")
	if ratio.Doubtful() || math.Abs(ratio.Median-1.25) > 0.03 || ratio.N != 10 {
		t.Errorf("ratio %+v, want 1.25 without doubt", ratio)
	}
}

func TestDoubt(t *testing.T) {
	for _, c := range []struct {
		values   []float64
		doubtful bool
	}{
		{[]float64{1, 1, 1, 1, 1, 1}, false},
		{[]float64{1, 1, 1, 1, 1}, true}, // too few to bound a median
		{[]float64{1, 1, 1, 1, 1, 1, 9}, true},
		{[]float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 9}, false}, // one outlier of ten
		{[]float64{1, 2, 1, 2, 1, 2, 1, 2, 1, 2}, true},
		{nil, true},
	} {
		if got := spread(c.values).Doubtful(); got != c.doubtful {
			t.Errorf("%v: doubtful is %t", c.values, got)
		}
	}
}

func TestSamplesKeepGaps(t *testing.T) {
	want := fake(1, 1, map[string]float64{Bare: 1000})
	want.Cells[0].NS[3] = math.NaN()
	want.Cells[0].Problem = "once"
	var text bytes.Buffer
	if err := want.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "r.json")
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if n := got.Cells[0].Spread().N; n != 9 {
		t.Errorf("%d samples, want 9", n)
	}
	var lines strings.Builder
	if err := got.WriteBench(&lines); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(lines.String(), "\nBenchmarkShimrun/ground=g/scenario=s/contender=bare\t1\t"); n != 9 {
		t.Errorf("%d lines for benchstat, want 9:\n%s", n, &lines)
	}
}

func TestReadRefusesOtherFiles(t *testing.T) {
	for text, want := range map[string]string{
		`{"schema": 99}`: "schema 99",
		`[]`:             "--json",
		`{`:              "--json",
	} {
		file := filepath.Join(t.TempDir(), "r.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestCompare(t *testing.T) {
	old := fake(1, 0.5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 5000})
	for _, c := range []struct {
		what        string
		new         *Result
		regressions int
		verdict     string
	}{
		{"the same again", fake(2, 0.5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 5000}), 0, ""},
		{"dearer", fake(2, 0.5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 5500}), 1, "regression"},
		{"cheaper", fake(2, 0.5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 4500}), 0, "better"},
		{"a hair dearer", fake(2, 0.5, map[string]float64{Bare: 1000, "floor-x": 4000, "shimrun-x": 5100}), 0, ""},
		{"another machine", fake(2, 0.5, map[string]float64{Bare: 3000, "floor-x": 12000, "shimrun-x": 15000}), 0, "the machine"},
	} {
		changes, err := Compare(old, c.new)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		regressions, err := PrintChanges(&text, changes)
		if err != nil || regressions != c.regressions || !strings.Contains(text.String(), c.verdict) {
			t.Errorf("%s: %d regressions (%v), want %d and %q in:\n%s", c.what, regressions, err, c.regressions, c.verdict, &text)
		}
	}
	if _, err := Compare(old, &Result{}); err == nil {
		t.Error("runs without a common cell were compared")
	}
}

// Hundreds of equal cells must not raise alarms, which one test each would.
func TestCompareManyCells(t *testing.T) {
	many := func(seed uint64) *Result {
		r := fake(seed, 0.5, map[string]float64{Bare: 1000})
		for i := range 400 {
			more := fake(seed*1000+uint64(i), 0.5, map[string]float64{Bare: 1000, "same": 3000})
			for _, c := range more.Cells {
				c.Scenario = strings.Repeat("s", i+2)
				r.Cells = append(r.Cells, c)
			}
		}
		return r
	}
	changes, err := Compare(many(1), many(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Regression() {
			t.Errorf("false alarm: %+v", c)
		}
	}
}

func TestParseSample(t *testing.T) {
	for text, want := range map[string]float64{"1000 4\n": 250, "3 1": 3} {
		if got, err := parseSample(text); err != nil || got != want {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "5", "a b", "10 0", "1 2 3"} {
		if got, err := parseSample(text); err == nil {
			t.Errorf("%q: %v, want an error", text, got)
		}
	}
}
