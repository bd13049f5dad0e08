package counts

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// row is one line of the documented table: what a number of operations costs.
type row struct {
	ground, backend, operation string
	stops                      float64
	calls                      map[string]float64
}

var callCount = regexp.MustCompile("^`([a-zA-Z_0-9 ]+)`(?: × ([0-9]+))?$")

// table reads docs/performance.md: GROUND | OPERATION | STOPS | CALLS.
func table(t *testing.T) []row {
	t.Helper()
	text, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	in := false
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "## ") {
			in = strings.TrimSpace(line) == "## What one call costs in calls"
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !in || len(cells) != 4 || !strings.Contains(cells[0], "`") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		r := row{operation: strings.Trim(cells[1], "`"), calls: map[string]float64{}}
		r.ground, r.backend, _ = strings.Cut(strings.Trim(cells[0], "`"), "/")
		if r.stops, err = strconv.ParseFloat(cells[2], 64); err != nil {
			t.Fatalf("docs/performance.md: %s: stops: %v", line, err)
		}
		for _, call := range strings.Split(cells[3], ", ") {
			if call == "–" {
				continue
			}
			m := callCount.FindStringSubmatch(call)
			if m == nil {
				t.Fatalf("docs/performance.md: %q is not `CALL` or `CALL` × N", call)
			}
			n := 1.0
			if m[2] != "" {
				if n, err = strconv.ParseFloat(m[2], 64); err != nil {
					t.Fatal(err)
				}
			}
			r.calls[m[1]] = n
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		t.Fatal("docs/performance.md has no table of calls")
	}
	return rows
}

// own are calls that Go's runtime makes for itself, on its own time.
var own = map[string]bool{
	"futex": true, "nanosleep": true, "clock_nanosleep": true, "epoll_pwait": true, "epoll_pwait2": true, "epoll_ctl": true,
	"sched_yield": true, "madvise": true, "mmap": true, "munmap": true, "mprotect": true, "clone": true, "clone3": true,
	"rt_sigprocmask": true, "rt_sigaction": true, "rt_sigreturn": true, "sigaltstack": true, "gettid": true, "getpid": true,
	"tgkill": true, "kill": true, "clock_gettime": true, "sched_getaffinity": true, "prctl": true, "restart_syscall": true, "set_robust_list": true, "rseq": true,
}

// slack is how far from a whole number a count for one operation may be: a
// tracer looks every 64 stops whether others wait, signals make calls start
// over. A call too many is 1.
const slack = 0.15

// interruption is how many calls of a kind one interruption may cost. In gVisor
// threads are interrupted every 100 ms, which is often when all calls are logged;
// before and after that a name may be walked, to know whether it is a FIFO's.
const interruption = 8

// perOperation divides the difference of two counts, which takes away what the
// start and the end cost.
func perOperation(few, many map[string]int, operations int) map[string]float64 {
	per := map[string]float64{}
	for call, n := range many {
		if d := n - few[call]; d > 0 && !own[call] {
			per[call] = float64(d) / float64(operations)
		}
	}
	return per
}

// check compares counts with the documented ones.
func (r *row) check(t *testing.T, per map[string]float64) {
	t.Helper()
	may := slack + interruption*per["ptrace INTERRUPT"]
	stops := per["ioctl NOTIF_RECV"] + per["wait4"]
	if stops < r.stops-may || stops > r.stops+may {
		t.Errorf("%.3f stops for each operation, documented %v", stops, r.stops)
	}
	if d := difference(per, r.calls, may); d != "" {
		t.Errorf("%s\nall: %v", d, per)
	}
}

// difference says which counts are further from the documented ones than they may be.
func difference(got, want map[string]float64, may float64) string {
	var lines []string
	for call, n := range want {
		if g := got[call]; g < n-may || g > n+may {
			lines = append(lines, fmt.Sprintf("%s: %.3f for each operation, documented %v", call, g, n))
		}
	}
	for call, g := range got {
		if _, ok := want[call]; !ok && g > may {
			lines = append(lines, fmt.Sprintf("%s: %.3f for each operation, documented none", call, g))
		}
	}
	return strings.Join(lines, "\n")
}

func TestDifference(t *testing.T) {
	few, many := map[string]int{"a": 10, "b": 1, "futex": 3}, map[string]int{"a": 2010, "b": 4, "futex": 3000, "c": 1000}
	got := perOperation(few, many, 1000)
	if d := difference(got, map[string]float64{"a": 2, "c": 1}, slack); d != "" {
		t.Errorf("equal, but: %s", d)
	}
	for _, want := range []map[string]float64{{"a": 2}, {"a": 1, "c": 1}, {"a": 2, "c": 1, "d": 1}} {
		if difference(got, want, slack) == "" {
			t.Errorf("%v counts as %v", got, want)
		}
	}
}
