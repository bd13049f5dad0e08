package runtime

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// startMetrics serves the policy's figures to Prometheus under /metrics. Where the
// kernel chose the port, somebody has to be told which.
func startMetrics(address string, p policy, build Build, log zerolog.Logger) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if _, port, _ := net.SplitHostPort(address); port == "0" || port == "" {
		fmt.Fprintf(os.Stderr, "shimrun: metrics are served at %s\n", listener.Addr())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		var page exposition
		page.build(build)
		page.calls(p.Snapshot())
		page.process()
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write(page.Bytes()) // the reader has gone: nobody to tell
	})
	log.Info().Stringer("address", listener.Addr()).Msg("metrics are served")
	go func() {
		err := (&http.Server{Handler: mux}).Serve(listener)
		log.Error().Err(err).Msg("metrics are served no longer")
	}()
	return nil
}

// exposition is a page in Prometheus's text format, version 0.0.4. It is written
// here because the client library takes over half a millisecond to initialise,
// in each of the two processes of every run, with metrics or without.
type exposition struct{ bytes.Buffer }

// family begins the samples of one metric.
func (e *exposition) family(name, kind, help string) {
	fmt.Fprintf(e, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
}

// sample adds a value; labels are pairs of name and value.
func (e *exposition) sample(name string, value float64, labels ...string) {
	e.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			e.WriteByte('{')
		} else {
			e.WriteByte(',')
		}
		fmt.Fprintf(e, `%s="%s"`, labels[i], escape.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		e.WriteByte('}')
	}
	e.WriteByte(' ')
	e.WriteString(strconv.FormatFloat(value, 'g', -1, 64))
	e.WriteByte('\n')
}

var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// Build says which shimrun it is.
type Build struct {
	Version string `json:"version,omitempty"`
	Commit  string `json:"commit,omitempty"`
}

func (e *exposition) build(b Build) {
	const name = "shimrun_build_info"
	e.family(name, "gauge", "1, with the version of shimrun.")
	e.sample(name, 1, "version", b.Version, "revision", b.Commit, "goversion", runtime.Version())
}

func (e *exposition) calls(s shim.Snapshot) {
	const calls, latency = "shimrun_calls_total", "shimrun_call_duration_seconds"
	e.family(calls, "counter", "Trapped system calls by what became of them.")
	for _, row := range s.Calls {
		e.sample(calls, float64(row.Continued), "call", row.Call, "outcome", "continued")
		e.sample(calls, float64(row.Answered), "call", row.Call, "outcome", "answered")
		e.sample(calls, float64(row.Refused), "call", row.Call, "outcome", "refused")
	}
	// Buckets, for those of several nodes can be added up.
	e.family(latency, "histogram", "Time from the stop of a call to its answer.")
	for _, row := range s.Calls {
		for i, bound := range shim.Bounds {
			e.sample(latency+"_bucket", float64(row.Within[i]), "call", row.Call, "le", strconv.FormatFloat(seconds(bound), 'g', -1, 64))
		}
		e.sample(latency+"_bucket", float64(row.Timed), "call", row.Call, "le", "+Inf")
		e.sample(latency+"_sum", seconds(row.Total), "call", row.Call)
		e.sample(latency+"_count", float64(row.Timed), "call", row.Call)
	}
	e.byLie("shimrun_served_total", "Times that a lie of the profile was told.", s.Lies)
	e.byLie("shimrun_failed_total", "Times that a lie of the profile was asked for and could not be told.", s.Failed)
}

func (e *exposition) byLie(name, help string, counts map[string]uint64) {
	e.family(name, "counter", help)
	for _, lie := range slices.Sorted(maps.Keys(counts)) {
		e.sample(name, float64(counts[lie]), "lie", lie)
	}
}

// process tells of the supervisor itself, by the names that Prometheus's own
// client libraries use.
func (e *exposition) process() {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) == nil {
		e.own("cpu_seconds_total", "counter", "User and system time.", seconds(used.Utime.Nano()+used.Stime.Nano()))
	}
	if started, err := startTime(); err == nil {
		e.own("start_time_seconds", "gauge", "When it started, since the epoch.", started)
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil {
		e.own("open_fds", "gauge", "Open descriptors.", float64(len(fds)-1)) // but for the one that reads
	}
	// Sizes in pages: proc_pid_statm(5).
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		var size, resident float64
		if _, err := fmt.Sscan(string(statm), &size, &resident); err == nil {
			page := float64(os.Getpagesize())
			e.own("virtual_memory_bytes", "gauge", "Virtual memory.", size*page)
			e.own("resident_memory_bytes", "gauge", "Resident memory.", resident*page)
		}
	}
}

func (e *exposition) own(name, kind, help string, value float64) {
	name = "shimrun_supervisor_process_" + name
	e.family(name, kind, help)
	e.sample(name, value)
}

func seconds(ns int64) float64 { return float64(ns) / 1e9 }

// startTime is when this process started, in seconds since the epoch: field 22 of
// proc_pid_stat(5), in ticks of which user space always sees 100 a second, counts
// from the boot, whose time proc_stat(5) has as btime.
func startTime() (float64, error) {
	own, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		return 0, err
	}
	machine, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
	}
	// The second field is a name in parentheses, which may hold blanks.
	fields := strings.Fields(string(own[bytes.LastIndexByte(own, ')')+1:]))
	_, after, found := strings.Cut(string(machine), "\nbtime ")
	if !found || len(fields) < 20 {
		return 0, errors.New("no time of the start in procfs")
	}
	ticks, err := strconv.ParseFloat(fields[22-3], 64)
	if err != nil {
		return 0, err
	}
	boot, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	return boot + ticks/100, err
}
