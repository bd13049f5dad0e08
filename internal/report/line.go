package report

import (
	"html/template"
	"strings"
)

// A Point is a value; where Low and High differ, a whisker shows them.
type Point struct {
	X, Y      float64
	Low, High float64
}

// A Series is a line of points, in the order of X.
type Series struct {
	Name   string
	Points []Point
}

// A Mark is a thing to know about a place on the X axis.
type Mark struct {
	X     float64
	Label string
}

// Line is a chart of how values go with time, or with any other quantity.
type Line struct {
	Title, Description string
	X, Y               Axis
	Series             []Series
	Marks              []Mark
}

func (Line) markdown(*strings.Builder) {}

func (l Line) caption() (title, description string) { return l.Title, l.Description }

func (l Line) html(id string) template.HTML {
	const height = 240.0
	var names []string
	var xs, ys []float64
	for _, s := range l.Series {
		names = append(names, s.Name)
		for _, p := range s.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
			if p.Low != p.High {
				ys = append(ys, p.Low, p.High)
			}
		}
	}
	top := legendHeight(names) + 30
	y := newScale(l.Y, top+height, top, ys...)
	left := widest(y.tickTexts()) + 12
	x := newScale(l.X, left, plotWidth-10, xs...)
	if !l.X.Log && len(xs) > 0 {
		// Time need not end at a round number.
		x.from, x.to = ends(xs, x)
	}
	if len(xs) == 0 {
		return figure(id, l.Title, l.Description, 2*lineSpace, nil)
	}
	return figure(id, l.Title, l.Description, top+height+42, func(c *canvas) {
		c.legend(0, names)
		c.xAxis(x, top, top+height)
		c.yAxis(y, left, plotWidth-10)
		for _, m := range l.Marks {
			c.mark(x, m, top, top+height)
		}
		for i, s := range l.Series {
			var points [][2]float64
			for _, p := range s.Points {
				points = append(points, [2]float64{x.at(p.X), y.at(p.Y)})
			}
			c.path(points, "line "+color(i))
			for j, p := range s.Points {
				if p.Low != p.High {
					px := points[j][0]
					c.line(px, y.at(p.Low), px, y.at(p.High), "whisker")
				}
			}
			if len(points) > 150 {
				continue // a line of dots would be all that is seen
			}
			for j, p := range s.Points {
				c.dot(points[j][0], points[j][1], color(i), tip(s.Name, l.X.Unit.Format(p.X)+": "+l.Y.Unit.Format(p.Y)))
			}
		}
	})
}

func ends(values []float64, s scale) (from, to float64) {
	from, to = values[0], values[0]
	for _, v := range values {
		from, to = min(from, v), max(to, v)
	}
	if from == to {
		return s.from, s.to
	}
	if s.axis.Zero {
		from = min(from, 0)
	}
	return from, to
}

func tip(name, value string) string {
	if name == "" {
		return value
	}
	return name + ", " + value
}

// mark draws a labelled upright line.
func (c *canvas) mark(x scale, m Mark, top, bottom float64) {
	at := x.at(m.X)
	c.line(at, top, at, bottom, "mark")
	class, offset := "tick", 4.0
	if at > plotWidth*0.75 {
		class, offset = "tick e", -4
	}
	c.text(at+offset, top-4, class, m.Label)
}
