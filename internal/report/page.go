package report

import (
	"fmt"
	"html/template"
	"io"
	"sync"

	_ "embed"
)

//go:embed page.html
var pageText string

// page is parsed when the first one is written: most starts write none.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"draw": func(section, block int, b Block) template.HTML {
			return b.html(fmt.Sprintf("b%d-%d", section, block))
		},
		"mark": mark,
	}).Parse(pageText))
})

// HTML writes the whole as a page that needs nothing but itself.
func (d *Document) HTML(w io.Writer) error { return page().Execute(w, d) }
