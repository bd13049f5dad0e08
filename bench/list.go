package bench

import (
	"io"

	"github.com/shimrun/shimrun/internal/report"
)

// List writes all scenarios and contenders, and what they lack here.
func List(w io.Writer) error {
	scenarios := &report.Table{Caption: "Scenarios", Columns: []string{"", "", ""}}
	for _, s := range Scenarios() {
		// What only a work folder tells is left out.
		scenarios.Add(s.Name, s.About, s.missing(&place{realMagic: 1}))
	}
	contenders := &report.Table{Caption: "\nContenders", Columns: []string{"", "", ""}}
	for _, c := range Contenders() {
		contenders.Add(c.Name, c.About, lacking(c.Needs))
	}
	if err := scenarios.Print(w); err != nil {
		return err
	}
	return contenders.Print(w)
}
