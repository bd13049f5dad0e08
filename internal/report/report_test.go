package report

import (
	"bytes"
	"encoding/xml"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// example has one of each.
func example() *Document {
	table := &Table{Caption: "Criteria", Columns: []string{"criterion", "result", "took#"}}
	table.Add("node <Ready>", Passed+" met", Seconds.Format(12.345))
	table.Add("pod_Running | logs", Failed+" failed", Seconds.Format(0.00042))
	line := Line{
		Title: "Memory", Description: "Resident memory while the server ran.",
		X: Axis{Label: "since the start", Unit: Seconds, Zero: true}, Y: Axis{Label: "resident", Unit: Bytes, Zero: true},
		Series: []Series{{Name: "supervisor"}, {Name: "server"}},
		Marks:  []Mark{{300, "judged from here"}},
	}
	for i := range 61 {
		t := float64(i) * 60
		line.Series[0].Points = append(line.Series[0].Points, Point{X: t, Y: 22e6 + 1e6*math.Sin(t/500)})
		line.Series[1].Points = append(line.Series[1].Points, Point{X: t, Y: 410e6 - 9e7*math.Exp(-t/400)})
	}
	histogram := Histogram{
		Title: "Latency", Description: "From the stop of a call to its answer.",
		X: Axis{Label: "latency", Unit: Seconds}, Series: []Distribution{{Name: "seccomp"}, {Name: "ptrace"}},
		Marks: []Mark{{10e-6, "p50"}, {80e-6, "p99"}, {2e-3, "max"}},
	}
	for i := range 60 {
		from := 2e-6 * math.Pow(1.1, float64(i))
		x := float64(i-16) / 8
		histogram.Series[0].Buckets = append(histogram.Series[0].Buckets, Bucket{from, from * 1.1, uint64(10000 * math.Exp(-x*x))})
		x = float64(i-36) / 6
		histogram.Series[1].Buckets = append(histogram.Series[1].Buckets, Bucket{from, from * 1.1, uint64(9000 * math.Exp(-x*x))})
	}
	d := &Document{Title: "A report with <markup> & more", Verdict: "1 of 2 criteria met"}
	d.Add("Nothing")
	d.Add("Results", Text("What a *paragraph* says."), List{"first", "second_item"}, Code("$ run ```\nout\n"), table)
	d.Add("Plots", line, histogram,
		Bars{Title: "Cost", X: Axis{Label: "per call", Unit: Seconds}, Series: []string{"bare", "shimrun"}, Groups: []Group{
			{"stat", []Bar{{"bare", 1.2e-6, 1.1e-6, 1.6e-6, 0}, {"shimrun", 9e-6, 8.5e-6, 12e-6, 1}}},
			{"open & close", []Bar{{"bare", 2.2e-6, 2.2e-6, 2.2e-6, 0}, {"shimrun", 17e-6, 14e-6, 40e-6, 1}}},
		}},
		Timeline{Title: "Start-up", Description: "Medians of 5 runs.", X: Axis{Label: "since the start", Unit: Seconds}, Series: []string{"with", "without"}, Rows: []Row{
			{"API server ready", []Span{{0, 4.2, 3.9, 5, 0}, {0, 4, 3.8, 4.5, 1}}},
			{"node Ready", []Span{{4.2, 6.8, 6.8, 6.8, 0}, {4, 6, 5.9, 6.6, 1}}},
			{"pod Running", nil},
		}},
		Line{Title: "Scale", X: Axis{Label: "nodes", Log: true}, Y: Axis{Label: "per call", Unit: Seconds, Log: true}, Series: []Series{{"", []Point{
			{10, 1e-5, 8e-6, 3e-5}, {100, 1.2e-5, 1e-5, 2e-5}, {1000, 1.3e-5, 0, 0}, {10000, 6e-4, 0, 0}}}}},
		Line{Title: "Empty"}, Histogram{Title: "Empty"}, Bars{Title: "Empty"}, Timeline{Title: "Empty"})
	return d
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-update writes it anew):\n%s", path, diff)
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := example().Markdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "example.md", b.Bytes())
}

// The page is also well-formed XML but for what HTML leaves open, in its plots.
func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := example().HTML(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "example.html", b.Bytes())
	text := b.String()
	for _, bad := range []string{"NaN", "Inf", "<markup>", "<script", "http"} {
		if strings.Contains(text, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	plots := 0
	for rest := text; ; plots++ {
		_, after, found := strings.Cut(rest, "<svg")
		if !found {
			break
		}
		svg, after, _ := strings.Cut(after, "</svg>")
		decoder := xml.NewDecoder(strings.NewReader("<svg" + svg + "</svg>"))
		for {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("plot %d: %v", plots, err)
			}
		}
		rest = after
	}
	if plots != 9 {
		t.Errorf("%d plots", plots)
	}
}

// What refers to a plot finds it, and a plot needs no page around it.
func TestFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cost")
	if err := example().WriteFolder(dir); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "**Criteria**") && !strings.Contains(string(text), "| criterion |") {
		t.Errorf("the table is missing:\n%s", text)
	}
	refs := regexp.MustCompile(`!\[[^]]*\]\(([^)]+)\)`).FindAllStringSubmatch(string(text), -1)
	if len(refs) != 9 {
		t.Errorf("%d plots", len(refs))
	}
	for _, ref := range refs {
		svg, err := os.ReadFile(filepath.Join(dir, ref[1]))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(svg), `<svg xmlns="http://www.w3.org/2000/svg" viewBox=`) || !strings.Contains(string(svg), "<style>") {
			t.Errorf("%s begins with %.60s", ref[1], svg)
		}
		for decoder := xml.NewDecoder(bytes.NewReader(svg)); ; {
			if _, err := decoder.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", ref[1], err)
			}
		}
	}
}

func TestPrint(t *testing.T) {
	table := Table{Columns: []string{"name", "time#", "what"}}
	table.Add("µ", "1", "x")
	table.Add("longer", "1000", "")
	var b bytes.Buffer
	if err := table.Print(&b); err != nil {
		t.Fatal(err)
	}
	want := "name    time  what\nµ          1  x\nlonger  1000\n"
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Number.Format(0), "0"}, {Number.Format(1234567), "1\u202f234\u202f567"}, {Number.Format(-1234), "-1\u202f234"}, {Number.Format(12.345), "12.3"},
		{Number.Format(0.001234), "0.00123"}, {Number.Format(math.NaN()), "–"}, {Number.Format(100), "100"}, {Number.Format(99.96), "100"},
		{Seconds.Format(0), "0 s"}, {Seconds.Format(1.5e-9), "1.5 ns"}, {Seconds.Format(8.21e-6), "8.21 µs"}, {Seconds.Format(0.0123), "12.3 ms"},
		{Seconds.Format(61), "61 s"}, {Seconds.Format(600), "10 min"}, {Seconds.Format(7200), "2 h"},
		{Bytes.Format(100), "100 B"}, {Bytes.Format(1536), "1.5 KiB"}, {Bytes.Format(22 << 20), "22 MiB"}, {Bytes.Format(3 << 30), "3 GiB"},
		{Percent.Format(0.123), "12.3 %"}, {Times.Format(1.25), "1.25 ×"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestScales(t *testing.T) {
	for _, c := range []struct {
		name     string
		axis     Axis
		values   []float64
		from, to float64
	}{
		{"zero", Axis{Zero: true}, []float64{3, 9.7}, 0, 10},
		{"no zero", Axis{}, []float64{101, 109}, 100, 110},
		{"one value", Axis{}, []float64{5}, 4.4, 5.6},
		{"nothing", Axis{}, nil, 0.4, 1.6},
		{"bad values", Axis{Zero: true}, []float64{math.NaN(), math.Inf(1), 4}, 0, 4},
		{"logarithmic", Axis{Log: true}, []float64{0, -1, 0.003, 7}, 0.002, 10},
		{"logarithmic, one", Axis{Log: true}, []float64{10}, 5, 20},
	} {
		s := newScale(c.axis, 0, 100, c.values...)
		if math.Abs(s.from-c.from) > 1e-9 || math.Abs(s.to-c.to) > 1e-9 {
			t.Errorf("%s: %v to %v, want %v to %v", c.name, s.from, s.to, c.from, c.to)
		}
		if n := len(s.ticks()); n < 2 || n > 14 {
			t.Errorf("%s: %d ticks: %v", c.name, n, s.ticks())
		}
		if s.at(s.from) != 0 || math.Abs(s.at(s.to)-100) > 1e-9 {
			t.Errorf("%s: ends at %v and %v", c.name, s.at(s.from), s.at(s.to))
		}
	}
}

// A bar is drawn on a terminal only.
func TestProgress(t *testing.T) {
	work := func(f *os.File) {
		p := NewProgress(f, 3)
		p.Say("working")
		p.Add(1)
		io.WriteString(p, "a line\n")
		p.Add(2)
		p.Close()
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	work(w)
	w.Close()
	if got, _ := io.ReadAll(r); string(got) != "a line\n" {
		t.Errorf("a pipe got %q", got)
	}
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	work(slave)
	slave.Close()
	got, _ := io.ReadAll(master) // ends with EIO
	for _, part := range []string{"working", "a line\r\n", "1/3"} {
		if !bytes.Contains(got, []byte(part)) {
			t.Errorf("the terminal got no %q: %q", part, got)
		}
	}
}
