// Package examples carries the chart that `shimrun validate` installs, so that
// the command works without the source beside it.
package examples

import "embed"

// Chart is the folder chart. What begins with "_" counts as well.
//
//go:embed all:chart
var Chart embed.FS
