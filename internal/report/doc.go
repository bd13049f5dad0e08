// Package report writes what was measured: for a terminal, as Markdown, and as
// one HTML page that needs nothing but itself, with plots.
//
// A [Document] is written once and comes out in each form:
//
//	Document ── Section ── Text, List, Code, Table ──▶ Markdown(w), HTML(w), WriteFolder(dir)
//	                    └─ Line, Histogram, Bars, Timeline ──▶ HTML(w): inline SVG
//	                                                           WriteFolder(dir): SVG files
//	Table ──▶ Print(w)      aligned, for a terminal
//	Progress                a bar, where standard error is a terminal
//
// Plots take plain numbers. An [Axis] says what they are, and so how they are
// written; tooltips are SVG titles, colours come from the page's style sheet,
// and there is no script.
//
// The package measures nothing and computes no statistics.
package report
