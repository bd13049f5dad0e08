package main

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// summarize sums up the runs of each side, those with shimrun first.
func summarize(r *result) (sides []side) {
	for _, under := range []bool{true, false} {
		var runs []*run
		for _, run := range r.Runs {
			if run.Under == under {
				runs = append(runs, run)
			}
		}
		if len(runs) > 0 {
			sides = append(sides, summarizeSide(under, runs))
		}
	}
	return sides
}

func summarizeSide(under bool, runs []*run) side {
	s := side{Under: under, Runs: len(runs)}
	for i, first := range runs[0].Steps {
		m := milestone{Name: first.Name}
		var at, took []float64
		for _, run := range runs {
			step := run.Steps[i]
			if step.Tried {
				m.Tried++
			}
			if step.Passed {
				m.Passed++
				at, took = append(at, step.At), append(took, step.Took)
			}
		}
		if len(at) > 0 {
			m.At, m.Took, m.Earliest, m.Latest = median(at), median(took), slices.Min(at), slices.Max(at)
		}
		s.Steps = append(s.Steps, m)
	}
	var cpu, server, ran, own []float64
	buckets := map[bucket]int64{}
	for _, run := range runs {
		if run.Passed {
			s.Succeeded++
		}
		s.Stable = max(s.Stable, run.stable())
		if run.ServerCPU > 0 {
			server = append(server, run.ServerCPU)
		}
		f := run.Shimrun
		if f == nil {
			continue
		}
		for _, c := range f.Calls {
			s.Calls += c.Seen
		}
		for _, n := range f.Lies {
			s.Told += n
		}
		for _, n := range f.Failed {
			s.Asked += n
		}
		ran = append(ran, f.Until.Sub(f.Since).Seconds())
		cpu = append(cpu, run.ServerCPU)
		own = append(own, float64(f.Supervisor.User+f.Supervisor.System)/1e9)
		if f.Latency != nil {
			s.Max = max(s.Max, seconds(f.Latency.Max))
			for _, b := range f.Latency.Buckets {
				buckets[bucket{b.From, b.To, 0}] += b.Count
			}
		}
	}
	s.CPU = median(server)
	if total := sum(ran); total > 0 {
		s.PerSecond = float64(s.Calls) / total
	}
	if total := sum(cpu) + sum(own); total > 0 {
		s.CPUShare = sum(own) / total
	}
	if s.Asked += s.Told; s.Asked > 0 {
		s.Success = float64(s.Told) / float64(s.Asked)
	}
	for b, n := range buckets {
		s.Buckets = append(s.Buckets, bucket{b.From, b.To, n})
	}
	slices.SortFunc(s.Buckets, func(a, b bucket) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	s.P50, s.P99 = quantile(s.Buckets, 0.5), quantile(s.Buckets, 0.99)
	return s
}

// stable is how long a run's server was seen to work: from its start to the
// last look or step that did not fail.
func (r *run) stable() (until float64) {
	for _, s := range r.Steps {
		if s.Name == stepReady && s.Passed {
			until = s.At
		}
	}
	if len(r.Looks) == 0 {
		for _, s := range r.Steps {
			if s.Passed {
				until = max(until, s.At)
			}
		}
		return until
	}
	for _, l := range r.Looks {
		if l.Error != "" {
			break
		}
		until = max(until, l.At)
	}
	return until
}

// quantile is the upper end of the bucket in which it lies.
func quantile(buckets []bucket, q float64) float64 {
	total := int64(0)
	for _, b := range buckets {
		total += b.Count
	}
	seen := int64(0)
	for _, b := range buckets {
		if seen += b.Count; float64(seen) >= q*float64(total) {
			return seconds(b.To)
		}
	}
	return 0
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

// calls adds up what became of each system call, the busiest first.
func (r *result) calls() (rows []callRow) {
	byName := map[string]*callRow{}
	for _, run := range r.Runs {
		if run.Shimrun == nil {
			continue
		}
		for _, c := range run.Shimrun.Calls {
			row := byName[c.Call]
			if row == nil {
				row = &callRow{name: c.Call}
				byName[c.Call] = row
			}
			row.seen += c.Seen
			row.answered += c.Answered
			row.refused += c.Refused
			row.continued += c.Continued
		}
	}
	for _, row := range byName {
		rows = append(rows, *row)
	}
	slices.SortFunc(rows, func(a, b callRow) int { return cmp.Or(cmp.Compare(b.seen, a.seen), cmp.Compare(a.name, b.name)) })
	return rows
}

type callRow struct {
	name                               string
	seen, continued, answered, refused uint64
}

// lies adds up how often each was told and could not be, the busiest first.
func (r *result) lies() (rows []lieRow) {
	told, failed := map[string]uint64{}, map[string]uint64{}
	for _, run := range r.Runs {
		if run.Shimrun == nil {
			continue
		}
		for name, n := range run.Shimrun.Lies {
			told[name] += n
		}
		for name, n := range run.Shimrun.Failed {
			failed[name] += n
			told[name] += 0
		}
	}
	for name := range maps.Keys(told) {
		rows = append(rows, lieRow{name, told[name] + failed[name], told[name]})
	}
	slices.SortFunc(rows, func(a, b lieRow) int { return cmp.Or(cmp.Compare(b.asked, a.asked), cmp.Compare(a.name, b.name)) })
	return rows
}

type lieRow struct {
	name        string
	asked, told uint64
}
