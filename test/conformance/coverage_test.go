package conformance

import (
	"fmt"
	"strings"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

// coverage is the table of rows and grounds, as far as they were run: ok, FAIL,
// or - where the ground cannot do what the row does.
func coverage() string {
	if len(results) == 0 {
		return ""
	}
	var b strings.Builder
	var ran []string
	for _, g := range grounds() {
		if results[g.name] != nil {
			ran = append(ran, g.name)
		}
	}
	fmt.Fprintf(&b, "%-36s %s\n", "", strings.Join(ran, "  "))
	good := map[string]int{}
	for _, c := range cases.All() {
		fmt.Fprintf(&b, "%-36s", c.Name)
		for _, name := range ran {
			mark := results[name][c.Name]
			if mark == "ok" {
				good[name]++
			}
			fmt.Fprintf(&b, " %-*s", len(name)+1, mark)
		}
		fmt.Fprintf(&b, " %s\n", c.Calls)
	}
	fmt.Fprintf(&b, "%-36s", "ok")
	for _, name := range ran {
		fmt.Fprintf(&b, " %-*d", len(name)+1, good[name])
	}
	return b.String() + "\n"
}
