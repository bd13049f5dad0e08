package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/mattn/go-isatty"
)

// A table is rows of columns: aligned for a reader on a terminal, and with one
// tab between the columns for a program that reads a pipe.
type table struct {
	to      io.Writer
	aligned *tabwriter.Writer
}

func newTable(w io.Writer) *table {
	t := &table{to: w}
	if f, ok := w.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		t.aligned = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		t.to = t.aligned
	}
	return t
}

func (t *table) row(columns ...string) {
	fmt.Fprintln(t.to, strings.TrimRight(strings.Join(columns, "\t"), "\t"))
}

// section starts a part with a line of its own.
func (t *table) section(title string) {
	_ = t.flush() // columns are aligned within a part
	fmt.Fprintf(t.to, "\n%s\n", title)
}

func (t *table) flush() error {
	if t.aligned == nil {
		return nil
	}
	return t.aligned.Flush()
}
