package report

import (
	"html/template"
	"io"
	"sync"

	_ "embed"
)

//go:embed page.html
var pageText string

// plotStyle is what plots need of a style sheet, on the page and by themselves.
//
//go:embed plot.css
var plotStyle string

// page is parsed when the first one is written: most starts write none.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"draw": func(section, block int, b Block) template.HTML {
			return b.html(blockID(section, block))
		},
		"mark":      mark,
		"plotStyle": func() template.CSS { return template.CSS(plotStyle) },
	}).Parse(pageText))
})

// HTML writes the whole as a page that needs nothing but itself.
func (d *Document) HTML(w io.Writer) error { return page().Execute(w, d) }
