package report

import (
	"fmt"
	"html/template"
	"strings"
	"unicode/utf8"
)

// Measures of plots, in the units of their view boxes.
const (
	plotWidth = 800.0
	lineSpace = 18.0 // of text
	charWidth = 6.8  // of text, on average
)

// A canvas gathers one SVG element.
type canvas struct {
	strings.Builder
}

// figure wraps what draw draws into a figure that can be read aloud. Where
// there is nothing to draw, it says so.
func figure(id, title, description string, height float64, draw func(*canvas)) template.HTML {
	var c canvas
	esc := template.HTMLEscapeString
	fmt.Fprintf(&c, `<figure><figcaption>%s</figcaption>`, esc(title))
	fmt.Fprintf(&c, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-labelledby="%s-t %s-d">`, plotWidth, height, id, id)
	fmt.Fprintf(&c, `<title id="%s-t">%s</title><desc id="%s-d">%s</desc>`, id, esc(title), id, esc(description))
	c.WriteByte('\n')
	if draw == nil {
		c.text(plotWidth/2, height/2, "tick m", "no figures")
	} else {
		draw(&c)
	}
	c.WriteString("</svg>")
	if description != "" {
		fmt.Fprintf(&c, "<p>%s</p>", esc(description))
	}
	c.WriteString("</figure>")
	return template.HTML(c.String())
}

// text is anchored as its class says: "e" at its end, "m" in its middle.
func (c *canvas) text(x, y float64, class, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s">%s</text>`, x, y, class, template.HTMLEscapeString(text))
	c.WriteByte('\n')
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
	c.WriteByte('\n')
}

func (c *canvas) rect(x, y, w, h float64, class, tip string) {
	fmt.Fprintf(c, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s">%s</rect>`, x, y, max(w, 0), max(h, 0), class, tooltip(tip))
	c.WriteByte('\n')
}

func (c *canvas) dot(x, y float64, class, tip string) {
	fmt.Fprintf(c, `<circle cx="%.1f" cy="%.1f" r="3" class="%s">%s</circle>`, x, y, class, tooltip(tip))
	c.WriteByte('\n')
}

func (c *canvas) path(points [][2]float64, class string) {
	c.WriteString(`<path d="`)
	for i, p := range points {
		verb := 'L'
		if i == 0 {
			verb = 'M'
		}
		fmt.Fprintf(c, "%c%.1f %.1f", verb, p[0], p[1])
	}
	fmt.Fprintf(c, `" class="%s"/>`, class)
	c.WriteByte('\n')
}

// whisker is a line from a lowest to a highest value.
func (c *canvas) whisker(low, high, y float64) {
	c.line(low, y, high, y, "whisker")
	c.line(low, y-4, low, y+4, "whisker")
	c.line(high, y-4, high, y+4, "whisker")
}

func tooltip(text string) string {
	if text == "" {
		return ""
	}
	return "<title>" + template.HTMLEscapeString(text) + "</title>"
}

// color is the class of the nth series.
func color(n int) string { return fmt.Sprintf("c%d", n%8) }

// legend names the series in lines, and returns where the plot can go on. A
// single one without a name needs no legend.
func (c *canvas) legend(y float64, names []string) float64 {
	x := 0.0
	for i, name := range names {
		if name == "" {
			continue
		}
		width := 26 + charWidth*float64(utf8.RuneCountInString(name))
		if x > 0 && x+width > plotWidth {
			x, y = 0, y+lineSpace
		}
		c.rect(x, y+3, 12, 12, color(i), "")
		c.text(x+18, y+13, "label", name)
		x += width + 14
	}
	if x == 0 {
		return y
	}
	return y + lineSpace + 6
}

// legendHeight is how much legend takes.
func legendHeight(names []string) float64 { return new(canvas).legend(0, names) }

// xAxis draws ticks, grid and label below the area.
func (c *canvas) xAxis(s scale, top, bottom float64) {
	last := -1e9
	for _, v := range s.ticks() {
		x, text := s.at(v), s.axis.Unit.Format(v)
		c.line(x, top, x, bottom, "grid")
		half := charWidth * float64(utf8.RuneCountInString(text)) / 2
		if x-half > last {
			// The outermost must not leave the picture.
			c.text(min(max(x, half), plotWidth-half), bottom+16, "tick m", text)
			last = x + half + 4
		}
	}
	c.line(s.a, bottom, s.b, bottom, "axis")
	if s.axis.Label != "" {
		c.text((s.a+s.b)/2, bottom+34, "label m", s.axis.Label)
	}
}

// yAxis draws ticks and grid left of the area, and the label above it.
func (c *canvas) yAxis(s scale, left, right float64) {
	for _, v := range s.ticks() {
		y := s.at(v)
		c.line(left, y, right, y, "grid")
		c.text(left-8, y+4, "tick e", s.axis.Unit.Format(v))
	}
	c.line(left, s.a, left, s.b, "axis")
	if s.axis.Label != "" {
		c.text(0, s.b-14, "label", s.axis.Label)
	}
}

// widest is the room that the longest of some texts takes.
func widest(texts []string) float64 {
	n := 0
	for _, t := range texts {
		n = max(n, utf8.RuneCountInString(t))
	}
	return charWidth * float64(n)
}

func (s scale) tickTexts() (texts []string) {
	for _, v := range s.ticks() {
		texts = append(texts, s.axis.Unit.Format(v))
	}
	return texts
}
