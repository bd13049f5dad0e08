package shim

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/shimrun/shimrun/fakefs"
)

// The names under which lies that are no files are counted.
const (
	lieFilesystem  = "filesystems"
	lieStatfs      = "quirk statfs-enosys"
	lieNoAutomount = "quirk statx-no-automount"
	liePropagation = "quirk mount-propagation"
	lieUname       = "uname"
	lieMemory      = "memory"
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
	seen [3]calls // by column, then call number
	mu   sync.Mutex
	lies map[string]uint64
	time map[int]*hdrhistogram.Histogram
}

type calls []atomic.Uint64

func (s *Shim) newCounters() *counters {
	c := &counters{lies: map[string]uint64{}, time: map[int]*hdrhistogram.Histogram{}}
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

func (c *counters) latency(nr int, d time.Duration) {
	c.mu.Lock()
	h := c.time[nr]
	if h == nil {
		h = hdrhistogram.New(100, int64(time.Minute), 2) // ns
		c.time[nr] = h
	}
	_ = h.RecordValue(int64(d)) // a value out of range is a minute-long stop: not a latency
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
}

// Snapshot is what a shim has done so far.
type Snapshot struct {
	Since time.Time         `json:"since"`
	Calls []CallStatistics  `json:"calls"`
	Lies  map[string]uint64 `json:"lies"`
}

// Snapshot adds up the figures of all workers.
func (s *Shim) Snapshot() Snapshot {
	s.stats.mu.Lock()
	workers := append([]*counters(nil), s.stats.workers...)
	s.stats.mu.Unlock()
	snap := Snapshot{Since: s.started, Lies: map[string]uint64{}}
	for _, t := range s.traps {
		row := CallStatistics{Call: t.Name}
		times := hdrhistogram.New(100, int64(time.Minute), 2)
		for _, w := range workers {
			row.Continued += w.seen[columnContinued][t.Nr].Load()
			row.Refused += w.seen[columnRefused][t.Nr].Load()
			row.Answered += w.seen[columnAnswered][t.Nr].Load()
			w.mu.Lock()
			if h := w.time[t.Nr]; h != nil {
				times.Merge(h)
			}
			w.mu.Unlock()
		}
		row.Seen = row.Continued + row.Refused + row.Answered
		row.P50, row.P99, row.Max = times.ValueAtQuantile(50), times.ValueAtQuantile(99), times.Max()
		if row.Seen > 0 {
			snap.Calls = append(snap.Calls, row)
		}
	}
	for _, w := range workers {
		w.mu.Lock()
		for lie, n := range w.lies {
			snap.Lies[lie] += n
		}
		w.mu.Unlock()
	}
	return snap
}
