package report

import (
	"fmt"
	"html/template"
	"io"
	"strings"
)

// A Document is a report in all its forms.
type Document struct {
	Title string
	// Verdict is the one sentence to read, and Passed whether it is good news.
	Verdict  string
	Passed   bool
	Sections []Section
}

// A Section is a part of a document with a title of its own.
type Section struct {
	Title  string
	Blocks []Block
}

// A Block is a part of a section.
type Block interface {
	markdown(*strings.Builder)
	// html gets a name that no other block of the page has.
	html(id string) template.HTML
}

// Add appends a section, unless it is empty.
func (d *Document) Add(title string, blocks ...Block) {
	if len(blocks) > 0 {
		d.Sections = append(d.Sections, Section{title, blocks})
	}
}

// A plot is a block that only figures can show.
type plot interface {
	Block
	caption() (title, description string)
}

// Markdown writes all but the plots.
func (d *Document) Markdown(w io.Writer) error {
	text, _ := d.text(func(*strings.Builder, string, Block) error { return nil })
	_, err := io.WriteString(w, text)
	return err
}

// text is Markdown, in which after writes what follows a block.
func (d *Document) text(after func(b *strings.Builder, id string, block Block) error) (string, error) {
	var b strings.Builder
	b.WriteString("# " + escapeMarkdown(d.Title) + "\n")
	if d.Verdict != "" {
		b.WriteString("\n**" + mark(d.Passed) + " " + escapeMarkdown(d.Verdict) + "**\n")
	}
	for i, s := range d.Sections {
		b.WriteString("\n## " + escapeMarkdown(s.Title) + "\n")
		for j, block := range s.Blocks {
			block.markdown(&b)
			if err := after(&b, blockID(i, j), block); err != nil {
				return "", err
			}
		}
	}
	return b.String(), nil
}

// blockID names a block in a page as no other one.
func blockID(section, block int) string { return fmt.Sprintf("b%d-%d", section, block) }

func mark(passed bool) string {
	if passed {
		return Passed
	}
	return Failed
}

// Text is a paragraph.
type Text string

func (t Text) markdown(b *strings.Builder) { b.WriteString("\n" + escapeMarkdown(string(t)) + "\n") }

func (t Text) html(string) template.HTML {
	return template.HTML("<p>" + template.HTMLEscapeString(string(t)) + "</p>")
}

// List is one of short sentences.
type List []string

func (l List) markdown(b *strings.Builder) {
	b.WriteByte('\n')
	for _, item := range l {
		b.WriteString("- " + escapeMarkdown(item) + "\n")
	}
}

func (l List) html(string) template.HTML {
	var b strings.Builder
	b.WriteString("<ul>")
	for _, item := range l {
		b.WriteString("<li>" + template.HTMLEscapeString(item) + "</li>")
	}
	b.WriteString("</ul>")
	return template.HTML(b.String())
}

// Code is what was typed or printed, as it stood.
type Code string

func (c Code) markdown(b *strings.Builder) {
	fence := "```"
	for strings.Contains(string(c), fence) {
		fence += "`"
	}
	b.WriteString("\n" + fence + "\n" + strings.TrimRight(string(c), "\n") + "\n" + fence + "\n")
}

func (c Code) html(string) template.HTML {
	return template.HTML("<pre>" + template.HTMLEscapeString(strings.TrimRight(string(c), "\n")) + "</pre>")
}

// escapeMarkdown keeps text from being taken for markup.
func escapeMarkdown(s string) string {
	return markdownEscaper.Replace(s)
}

var markdownEscaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "<", "&lt;", "[", `\[`, "\n", " ")
