package report

import (
	"html/template"
	"iter"
	"maps"
	"slices"
	"strings"
)

// A Bar is a value with its spread: Low and High are equal where there is none.
type Bar struct {
	Label            string
	Value, Low, High float64
	Series           int // the index of its colour in [Bars.Series]
}

// A Group of bars stands together, below its name.
type Group struct {
	Name string
	Bars []Bar
}

// Bars compares values by length. Series names the colours.
type Bars struct {
	Title, Description string
	X                  Axis
	Series             []string
	Groups             []Group
}

func (Bars) markdown(*strings.Builder) {}

func (b Bars) caption() (title, description string) { return b.Title, b.Description }

func (b Bars) html(id string) template.HTML {
	const thickness, space = 16.0, 22.0
	b.X.Zero = true
	var labels []string
	var xs []float64
	top := legendHeight(b.Series) + 8
	height := 0.0
	for _, g := range b.Groups {
		if g.Name != "" {
			height += space
		}
		for _, bar := range g.Bars {
			labels = append(labels, bar.Label)
			xs = append(xs, bar.Value)
			if bar.Low != bar.High {
				xs = append(xs, bar.Low, bar.High)
			}
		}
		height += space*float64(len(g.Bars)) + 6
	}
	left := min(widest(labels)+12, plotWidth/2)
	x := newScale(b.X, left, plotWidth-80, xs...) // room for the number after the longest
	if len(xs) == 0 {
		return figure(id, b.Title, b.Description, 2*lineSpace, nil)
	}
	return figure(id, b.Title, b.Description, top+height+42, func(c *canvas) {
		c.legend(0, b.Series)
		c.xAxis(x, top, top+height)
		y := top
		for _, g := range b.Groups {
			if g.Name != "" {
				c.text(0, y+15, "label strong", g.Name)
				y += space
			}
			for _, bar := range g.Bars {
				c.text(left-8, y+16, "label e", bar.Label)
				end := x.at(bar.Value)
				c.rect(left, y+4, end-left, thickness, color(bar.Series), bar.Label+": "+b.X.Unit.Format(bar.Value))
				if bar.Low != bar.High {
					c.whisker(x.at(bar.Low), x.at(bar.High), y+4+thickness/2)
					end = max(end, x.at(bar.High))
				}
				c.text(end+6, y+16, "tick", b.X.Unit.Format(bar.Value))
				y += space
			}
			y += 6
		}
	})
}

func sorted[V any](m map[int]V) iter.Seq[int] {
	return slices.Values(slices.Sorted(maps.Keys(m)))
}
