package report

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// A Bucket counts the values from From to To.
type Bucket struct {
	From  float64 `json:"from"`
	To    float64 `json:"to"`
	Count uint64  `json:"count"`
}

// A Distribution is a series of a [Histogram].
type Distribution struct {
	Name    string
	Buckets []Bucket
}

// Histogram shows how values are distributed on a logarithmic axis, each
// distribution as shares of its own values.
type Histogram struct {
	Title, Description string
	X                  Axis
	Series             []Distribution
	Marks              []Mark
}

// binsPerDecade is how finely a histogram is drawn, whatever the buckets are.
const binsPerDecade = 12

func (Histogram) markdown(*strings.Builder) {}

func (h Histogram) caption() (title, description string) { return h.Title, h.Description }

func (h Histogram) html(id string) template.HTML {
	const height = 220.0
	h.X.Log = true
	var names []string
	var xs []float64
	shares := make([]map[int]float64, len(h.Series))
	ys := []float64{0}
	for i, s := range h.Series {
		names = append(names, s.Name)
		shares[i] = bins(s.Buckets)
		for bin, share := range shares[i] {
			xs = append(xs, edge(bin), edge(bin+1))
			ys = append(ys, share)
		}
	}
	for _, m := range h.Marks {
		xs = append(xs, m.X)
	}
	markLines := float64(len(h.Marks)) * 15
	top := legendHeight(names) + 30 + markLines
	y := newScale(Axis{Unit: Percent, Zero: true}, top+height, top, ys...)
	left := widest(y.tickTexts()) + 12
	x := newScale(h.X, left, plotWidth-10, xs...)
	if len(ys) == 1 {
		return figure(id, h.Title, h.Description, 2*lineSpace, nil)
	}
	return figure(id, h.Title, h.Description, top+height+42, func(c *canvas) {
		c.legend(0, names)
		c.xAxis(x, top, top+height)
		c.yAxis(y, left, plotWidth-10)
		for i, s := range h.Series {
			for bin := range sorted(shares[i]) {
				share := shares[i][bin]
				from, to := x.at(edge(bin)), x.at(edge(bin+1))
				c.rect(from+0.5, y.at(share), to-from-1, top+height-y.at(share), "bin "+color(i),
					tip(s.Name, fmt.Sprintf("%s to %s: %s", h.X.Unit.Format(edge(bin)), h.X.Unit.Format(edge(bin+1)), Percent.Format(share))))
			}
		}
		// Each label on a line of its own: they may stand close together.
		for i, m := range h.Marks {
			at, y := x.at(m.X), top-6-15*float64(i)
			c.line(at, y+2, at, top+height, "mark")
			class, offset := "tick", 4.0
			if at > plotWidth*0.75 {
				class, offset = "tick e", -4
			}
			c.text(at+offset, y, class, m.Label+" "+h.X.Unit.Format(m.X))
		}
	})
}

func edge(bin int) float64 { return math.Pow(10, float64(bin)/binsPerDecade) }

// bins puts buckets, whose middles count, into bins of equal logarithmic width.
func bins(buckets []Bucket) map[int]float64 {
	total := 0.0
	out := map[int]float64{}
	for _, b := range buckets {
		middle := (b.From + b.To) / 2
		if middle <= 0 || b.Count == 0 {
			continue
		}
		out[int(math.Floor(math.Log10(middle)*binsPerDecade))] += float64(b.Count)
		total += float64(b.Count)
	}
	for bin := range out {
		out[bin] /= total
	}
	return out
}
