package report

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// svgElement is the plot in a figure.
var svgElement = regexp.MustCompile(`(?s)<svg (.*)</svg>`)

// WriteFolder writes the document as Markdown into dir/README.md, and its plots
// beside it as SVG files that stand alone. Files of the same names are replaced.
func (d *Document) WriteFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	plots := 0
	text, err := d.text(func(b *strings.Builder, id string, block Block) error {
		p, ok := block.(plot)
		if !ok {
			return nil
		}
		plots++
		title, description := p.caption()
		name := fmt.Sprintf("plot-%d.svg", plots)
		fmt.Fprintf(b, "\n**%s**\n\n![%[1]s](%s)\n", escapeMarkdown(title), name)
		if description != "" {
			fmt.Fprintf(b, "\n%s\n", escapeMarkdown(description))
		}
		svg := svgElement.FindStringSubmatch(string(p.html(id)))[1]
		return os.WriteFile(filepath.Join(dir, name),
			[]byte(`<svg xmlns="http://www.w3.org/2000/svg" `+strings.Replace(svg, ">", ">\n<style>\n"+plotStyle+"</style>\n", 1)+"</svg>\n"), 0o644)
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "README.md"), []byte(text), 0o644)
}
