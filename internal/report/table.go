package report

import (
	"fmt"
	"html/template"
	"io"
	"strings"
	"unicode/utf8"
)

// What a table's cell starts with to be coloured on the page.
const (
	Passed = "✓"
	Failed = "✗"
)

// A Table has columns of text. A column whose name ends in "#" holds numbers:
// it is aligned at the right, and the "#" is not shown.
type Table struct {
	Caption string
	Columns []string
	Rows    [][]string
}

// Add appends a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

func (t *Table) column(i int) (name string, number bool) {
	if i >= len(t.Columns) {
		return "", false
	}
	return strings.CutSuffix(t.Columns[i], "#")
}

// Print writes the table for a terminal.
func (t *Table) Print(w io.Writer) error {
	widths := make([]int, len(t.Columns))
	header := make([]string, len(t.Columns))
	for i := range t.Columns {
		header[i], _ = t.column(i)
	}
	lines := append([][]string{header}, t.Rows...)
	for _, line := range lines {
		for i, cell := range line {
			if i < len(widths) {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
		}
	}
	var b strings.Builder
	if t.Caption != "" {
		b.WriteString(t.Caption + "\n")
	}
	for _, line := range lines {
		var row strings.Builder
		for i, cell := range line {
			if i > 0 {
				row.WriteString("  ")
			}
			pad := ""
			if i < len(widths) {
				pad = strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			}
			if _, number := t.column(i); number {
				row.WriteString(pad + cell)
			} else {
				row.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(row.String(), " ") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) markdown(b *strings.Builder) {
	b.WriteByte('\n')
	if t.Caption != "" {
		b.WriteString(escapeMarkdown(t.Caption) + "\n\n")
	}
	cells := func(row []string) {
		b.WriteByte('|')
		for i := range t.Columns {
			cell := ""
			if i < len(row) {
				cell = row[i]
			}
			b.WriteString(" " + strings.ReplaceAll(escapeMarkdown(cell), "|", `\|`) + " |")
		}
		b.WriteByte('\n')
	}
	names, rules := make([]string, len(t.Columns)), "|"
	for i := range t.Columns {
		name, number := t.column(i)
		names[i] = name
		if number {
			rules += " ---: |"
		} else {
			rules += " --- |"
		}
	}
	cells(names)
	b.WriteString(rules + "\n")
	for _, row := range t.Rows {
		cells(row)
	}
}

func (t *Table) html(string) template.HTML {
	var b strings.Builder
	b.WriteString(`<div class="wide"><table>`)
	if t.Caption != "" {
		b.WriteString("<caption>" + template.HTMLEscapeString(t.Caption) + "</caption>")
	}
	b.WriteString("<thead><tr>")
	for i := range t.Columns {
		name, number := t.column(i)
		fmt.Fprintf(&b, `<th scope="col"%s>%s</th>`, class(number, ""), template.HTMLEscapeString(name))
	}
	b.WriteString("</tr></thead><tbody>")
	for _, row := range t.Rows {
		b.WriteString("<tr>")
		for i, cell := range row {
			_, number := t.column(i)
			fmt.Fprintf(&b, "<td%s>%s</td>", class(number, cell), template.HTMLEscapeString(cell))
		}
		b.WriteString("</tr>")
	}
	b.WriteString("</tbody></table></div>")
	return template.HTML(b.String())
}

func class(number bool, cell string) string {
	var classes []string
	if number {
		classes = append(classes, "n")
	}
	switch {
	case strings.HasPrefix(cell, Passed):
		classes = append(classes, "good")
	case strings.HasPrefix(cell, Failed):
		classes = append(classes, "bad")
	}
	if classes == nil {
		return ""
	}
	return ` class="` + strings.Join(classes, " ") + `"`
}
