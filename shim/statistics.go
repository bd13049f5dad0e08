package shim

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shimrun/shimrun/fakefs"
)

// The names under which lies that are no files, and failures to tell any, are
// counted.
const (
	lieFilesystem  = "filesystems"
	lieStatfs      = "quirk statfs-enosys"
	lieNoAutomount = "quirk statx-no-automount"
	liePropagation = "quirk mount-propagation"
	lieRemount     = "quirk mount-remount"
	lieBindLink    = "quirk mount-bind-link"
	lieBindRec     = "quirk mount-bind-recursive"
	lieSubreaper   = "quirk child-subreaper"
	lieFchownPipe  = "quirk fchown-pipe"
	lieNetwork     = "quirk network-namespace"
	lieHostName    = "quirk uts-namespace"
	liePrograms    = "programs "
	lieUname       = "uname"
	lieMemory      = "memory"
	lieListing     = "served names in a directory"
	liePanic       = "a handler that failed"
)

var unameNone fakefs.Uname

// statistics gathers the counters of all workers.
type statistics struct {
	mu      sync.Mutex
	workers []*counters
	calls   int
}

func (s *statistics) size(calls int) { s.calls = calls }

// counters belong to one worker: only it writes them, so counting costs no
// contention and nothing is allocated.
type counters struct {
	seen  [3]calls      // by column, then call number
	types atomic.Uint64 // of filesystems that were told: lieFilesystem
	mu    sync.Mutex
	lies  map[string]uint64
	lost  map[string]uint64 // lies that could not be told
	time  map[int]*hdrhistogram.Histogram
	total map[int]int64 // of what is in time
}

type calls []atomic.Uint64

func (s *Shim) newCounters() *counters {
	c := &counters{lies: map[string]uint64{}, lost: map[string]uint64{}, time: map[int]*hdrhistogram.Histogram{}, total: map[int]int64{}}
	for i := range c.seen {
		c.seen[i] = make(calls, s.stats.calls)
	}
	s.stats.mu.Lock()
	s.stats.workers = append(s.stats.workers, c)
	s.stats.mu.Unlock()
	return c
}

// Columns of the statistics: what became of a call.
const (
	columnContinued = iota
	columnRefused
	columnAnswered
)

func column(k Kind) int {
	switch k {
	case Continue:
		return columnContinued
	case Fail:
		return columnRefused
	}
	return columnAnswered
}

func (c *counters) answered(nr int, k Kind) { c.seen[column(k)][nr].Add(1) }

func (c *counters) node(lie string) {
	c.mu.Lock()
	c.lies[lie]++
	c.mu.Unlock()
}

// failed counts a lie that was asked for and could not be told.
func (c *counters) failed(lie string) {
	c.mu.Lock()
	c.lost[lie]++
	c.mu.Unlock()
}

func (c *counters) latency(nr int, d time.Duration) {
	c.mu.Lock()
	h := c.time[nr]
	if h == nil {
		h = newHistogram()
		c.time[nr] = h
	}
	if h.RecordValue(int64(d)) == nil { // a value out of range is a minute-long stop: not a latency
		c.total[nr] += int64(d)
	}
	c.mu.Unlock()
}

// CallStatistics are the figures of one system call. Latencies run from the
// stop to the answer, in nanoseconds; they are 0 where nothing was timed.
type CallStatistics struct {
	Call      string `json:"call"`
	Seen      uint64 `json:"seen"`
	Continued uint64 `json:"continued"`
	Answered  uint64 `json:"answered"`
	Refused   uint64 `json:"refused"`
	P50       int64  `json:"p50_ns,omitempty"`
	P99       int64  `json:"p99_ns,omitempty"`
	Max       int64  `json:"max_ns,omitempty"`
	// Timed is how many of them were timed, Total how long these took together, and
	// Within how many took no longer than each of [Bounds].
	Timed  int64   `json:"-"`
	Total  int64   `json:"-"`
	Within []int64 `json:"-"`
}

// Bounds are latencies up to which calls are counted, in nanoseconds.
var Bounds = []int64{
	2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
	1_000_000, 2_000_000, 5_000_000, 10_000_000, 100_000_000, 1_000_000_000,
}

// Latency is how long calls took, from the stop to the answer.
type Latency struct {
	P50     int64    `json:"p50_ns"`
	P99     int64    `json:"p99_ns"`
	Max     int64    `json:"max_ns"`
	Buckets []Bucket `json:"buckets"`
}

// A Bucket counts latencies between two values, both included, in nanoseconds.
type Bucket struct {
	From  int64 `json:"from_ns"`
	To    int64 `json:"to_ns"`
	Count int64 `json:"count"`
}

// Snapshot is what a shim has done so far.
type Snapshot struct {
	Since time.Time        `json:"since"`
	Until time.Time        `json:"until"`
	Calls []CallStatistics `json:"calls"`
	// Latency is that of all calls; nil where nothing was timed.
	Latency *Latency `json:"latency,omitempty"`
	// Lies counts how often each lie was asked for and told. That may be an
	// error, as where a profile gives a file a mode that forbids the open.
	Lies map[string]uint64 `json:"lies"`
	// Failed counts how often one was asked for and could not be told, so that
	// the kernel answered instead.
	Failed map[string]uint64 `json:"failed"`
}

// Snapshot adds up the figures of all workers.
func (s *Shim) Snapshot() Snapshot {
	s.stats.mu.Lock()
	workers := append([]*counters(nil), s.stats.workers...)
	s.stats.mu.Unlock()
	snap := Snapshot{Since: s.started, Until: time.Now(), Calls: []CallStatistics{}, Lies: map[string]uint64{}, Failed: map[string]uint64{}}
	all := newHistogram()
	for _, t := range s.traps {
		row := CallStatistics{Call: t.Name}
		times := newHistogram()
		for _, w := range workers {
			row.Continued += w.seen[columnContinued][t.Nr].Load()
			row.Refused += w.seen[columnRefused][t.Nr].Load()
			row.Answered += w.seen[columnAnswered][t.Nr].Load()
			w.mu.Lock()
			if h := w.time[t.Nr]; h != nil {
				times.Merge(h)
				row.Total += w.total[t.Nr]
			}
			w.mu.Unlock()
		}
		row.Seen = row.Continued + row.Refused + row.Answered
		row.P50, row.P99, row.Max = times.ValueAtQuantile(50), times.ValueAtQuantile(99), times.Max()
		row.Timed, row.Within = times.TotalCount(), within(times)
		if row.Seen > 0 {
			snap.Calls = append(snap.Calls, row)
		}
		all.Merge(times)
	}
	if all.TotalCount() > 0 {
		snap.Latency = latencyOf(all)
	}
	for _, w := range workers {
		if n := w.types.Load(); n > 0 {
			snap.Lies[lieFilesystem] += n
		}
		w.mu.Lock()
		for lie, n := range w.lies {
			snap.Lies[lie] += n
		}
		for lie, n := range w.lost {
			snap.Failed[lie] += n
		}
		w.mu.Unlock()
	}
	return snap
}

// within counts the latencies up to each of [Bounds]; one that shares a bar with a
// longer one counts as that does.
func within(h *hdrhistogram.Histogram) []int64 {
	counts := make([]int64, len(Bounds))
	i := 0
	var sum int64
	for _, bar := range h.Distribution() {
		for i < len(Bounds) && bar.To > Bounds[i] {
			counts[i] = sum
			i++
		}
		sum += bar.Count
	}
	for ; i < len(Bounds); i++ {
		counts[i] = sum
	}
	return counts
}

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(100, int64(time.Minute), 2) } // ns

func latencyOf(h *hdrhistogram.Histogram) *Latency {
	l := &Latency{P50: h.ValueAtQuantile(50), P99: h.ValueAtQuantile(99), Max: h.Max()}
	for _, bar := range h.Distribution() {
		if bar.Count > 0 {
			l.Buckets = append(l.Buckets, Bucket{bar.From, bar.To, bar.Count})
		}
	}
	return l
}
