package report

import (
	"html/template"
	"strings"
)

// A Span lasts from one moment to another; Low and High are the spread of its
// end, equal where there is none.
type Span struct {
	From, To  float64
	Low, High float64
	Series    int // the index of its colour in [Timeline.Series]
}

// A Row of a timeline has a name and the spans of that name, a line each.
type Row struct {
	Name  string
	Spans []Span
}

// Timeline shows what came after what: a row for each step, in seconds from a
// common start. Series names the colours.
type Timeline struct {
	Title, Description string
	X                  Axis
	Series             []string
	Rows               []Row
}

func (Timeline) markdown(*strings.Builder) {}

func (t Timeline) caption() (title, description string) { return t.Title, t.Description }

func (t Timeline) html(id string) template.HTML {
	const thickness, gap = 14.0, 10.0
	t.X.Zero = true
	var names []string
	var xs []float64
	height := gap
	for _, row := range t.Rows {
		names = append(names, row.Name)
		for _, s := range row.Spans {
			xs = append(xs, s.From, s.To)
			if s.Low != s.High {
				xs = append(xs, s.Low, s.High)
			}
		}
		height += thickness*float64(max(len(row.Spans), 1)) + gap
	}
	top := legendHeight(t.Series) + 8
	left := min(widest(names)+12, plotWidth/2)
	x := newScale(t.X, left, plotWidth-80, xs...)
	if len(xs) == 0 {
		return figure(id, t.Title, t.Description, 2*lineSpace, nil)
	}
	return figure(id, t.Title, t.Description, top+height+42, func(c *canvas) {
		c.legend(0, t.Series)
		c.xAxis(x, top, top+height)
		y := top + gap
		for _, row := range t.Rows {
			lines := thickness * float64(max(len(row.Spans), 1))
			c.text(left-8, y+lines/2+4, "label e", row.Name)
			for _, s := range row.Spans {
				from, end := x.at(s.From), x.at(s.To)
				c.rect(from, y+1, max(end-from, 2), thickness-2, color(s.Series),
					row.Name+": "+t.X.Unit.Format(s.From)+" to "+t.X.Unit.Format(s.To))
				if s.Low != s.High {
					c.whisker(x.at(s.Low), x.at(s.High), y+thickness/2)
					end = max(end, x.at(s.High))
				}
				c.text(end+6, y+thickness-2, "tick", t.X.Unit.Format(s.To))
				y += thickness
			}
			if len(row.Spans) == 0 {
				c.text(left+6, y+thickness-2, "tick", "not reached")
				y += thickness
			}
			y += gap
		}
	})
}
