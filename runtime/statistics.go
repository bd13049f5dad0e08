package runtime

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// figures is what --stats-file has: what the shim did, and what that took.
type figures struct {
	shim.Snapshot
	Backend    string `json:"backend,omitempty"`
	Supervisor usage  `json:"supervisor"`
}

// usage is what the supervisor has used since it began; a predecessor that
// died is not in it.
type usage struct {
	PID         int   `json:"pid"`
	User        int64 `json:"user_ns"`
	System      int64 `json:"system_ns"`
	MaxResident int64 `json:"max_resident_bytes"`
	Descriptors int   `json:"descriptors"`
}

// ownUsage is that of this process.
func ownUsage() usage {
	u := usage{PID: os.Getpid()}
	var r unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &r) == nil {
		u.User, u.System, u.MaxResident = r.Utime.Nano(), r.Stime.Nano(), r.Maxrss<<10
	}
	if names, err := os.ReadDir("/proc/self/fd"); err == nil {
		u.Descriptors = len(names) - 1 // that of the folder itself
	}
	return u
}

// printFigures is what --stats shows: busiest calls and lies first.
func printFigures(w io.Writer, s figures) error {
	if s.Backend == BackendNone {
		_, err := fmt.Fprintln(w, "no call was intercepted: there was nothing to tell")
		return err
	}
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
	if len(s.Failed) > 0 {
		fmt.Fprintln(table, "\t\t\t\t\t\t\t\t\nnot served\ttimes\t")
		for _, lie := range slices.Sorted(maps.Keys(s.Failed)) {
			fmt.Fprintf(table, "%s\t%d\t\n", lie, s.Failed[lie])
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	u := s.Supervisor
	_, err := fmt.Fprintf(w, "\nsupervisor: %s backend, %.2f s of CPU (%.2f user, %.2f system), at most %.1f MiB resident\n", s.Backend,
		float64(u.User+u.System)/1e9, float64(u.User)/1e9, float64(u.System)/1e9, float64(u.MaxResident)/(1<<20))
	return err
}

func microseconds(ns int64) string { return fmt.Sprintf("%.1fµs", float64(ns)/1000) }
