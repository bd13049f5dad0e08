package runtime

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/shimrun/shimrun/shim"
)

// printSnapshot is what --stats shows: busiest calls and lies first.
func printSnapshot(w io.Writer, s shim.Snapshot) error {
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "call\tseen\tanswered\trefused\tcontinued\tp50\tp99\tmax\t")
	slices.SortStableFunc(s.Calls, func(a, b shim.CallStatistics) int { return cmp.Compare(b.Seen, a.Seen) })
	for _, c := range s.Calls {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", c.Call, c.Seen, c.Answered, c.Refused, c.Continued,
			microseconds(c.P50), microseconds(c.P99), microseconds(c.Max))
	}
	if len(s.Lies) > 0 {
		fmt.Fprintln(table, "\t\t\t\t\t\t\t\t\nserved\ttimes\t")
		for _, lie := range slices.SortedStableFunc(maps.Keys(s.Lies), func(a, b string) int {
			return cmp.Or(cmp.Compare(s.Lies[b], s.Lies[a]), cmp.Compare(a, b))
		}) {
			fmt.Fprintf(table, "%s\t%d\t\n", lie, s.Lies[lie])
		}
	}
	return table.Flush()
}

func microseconds(ns int64) string { return fmt.Sprintf("%.1fµs", float64(ns)/1000) }
