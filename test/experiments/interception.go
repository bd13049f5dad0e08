package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// design is a way to intercept.
type design struct{ name, under string }

const fakeDir = "FAKE_PROCSYS=/tmp/fake-procsys"

// rounds is how often each design starts the server.
var rounds = flag.Int("rounds", 3, "starts of the server under each design, in experiment 4")

var (
	designBare    = design{"no interception", ""}
	designLetter  = design{"naive, to the letter", "env " + fakeDir + " naive -1 -i"}
	designNaive   = design{"naive, all threads", "env " + fakeDir + " naive"}
	designShimrun = design{"shimrun", "shimrun --profile kubernetes --"}
	designs       = []design{designBare, designLetter, designNaive, designShimrun}
)

// interception holds the research's interceptor against shimrun.
func interception(r *run) {
	for _, name := range []string{"naive", "ways", "steady"} {
		r.compile(name)
	}
	s := r.sandbox(groundAll)
	ways := r.compare(s, "ways", "way to ask")
	steady := r.compare(s, "steady", "what a program does")
	s.stop()
	all := len(r.tables["ways"].rows)
	r.rates("ways", ways, all)
	r.rates("steady", steady, len(r.tables["steady"].rows))
	r.expect(ways[designShimrun.name] == all, "shimrun answers every way", ways)
	r.expect(steady[designShimrun.name] == len(r.tables["steady"].rows)-1, "nothing is broken under shimrun", steady)
	r.expect(2*ways[designNaive.name] <= all, "the naive design answers at most half of the ways", ways)
	r.expect(ways[designLetter.name] < ways[designNaive.name], "to the letter it answers fewer", ways)
	r.expect(steady[designNaive.name] < steady[designShimrun.name], "the naive design breaks something", steady)
	r.values["ways"] = fmt.Sprintf("%d of %d", ways[designNaive.name], all)
	r.expect(ways[designBare.name] < ways[designLetter.name], "it answers more than nothing", ways)
	r.startUp()
}

// compare runs a program under each design, and returns how many of its lines
// are ok.
func (r *run) compare(s *sandbox, program, what string) map[string]int {
	good := map[string]int{}
	heads, results := []string{what}, []map[string]string{}
	var names []string
	for _, d := range designs {
		heads = append(heads, d.name)
		s.sh("rm -rf /tmp/fake-procsys; " + fakeProcSys)
		x := s.sh(strings.TrimSpace(d.under + " " + inside + "/" + program))
		var found map[string]string
		if names, found = lines(x.out); len(names) == 0 {
			r.fatal("%s under %s: %s", program, d.name, x.both())
		}
		results = append(results, found)
	}
	r.head(program, heads...)
	for _, name := range names {
		row := []string{name}
		for i, d := range designs {
			if results[i][name] == "ok" {
				good[d.name]++
			}
			row = append(row, results[i][name])
		}
		r.row(program, row...)
	}
	return good
}

// rates adds a table's last row.
func (r *run) rates(table string, good map[string]int, all int) {
	row := []string{"**ok**"}
	for _, d := range designs {
		row = append(row, fmt.Sprintf("**%d of %d**", good[d.name], all))
	}
	r.row(table, row...)
}

// startUp counts the stops of an API server's start, and times it.
func (r *run) startUp() {
	r.note("a minute of rest, to see whether the machine is idle")
	time.Sleep(time.Minute)
	load := loadAverage(0)
	seconds, stops := map[string][]float64{}, map[string][]int{}
	compared := []design{designBare, designNaive, designShimrun}
	for round := range *rounds {
		for i := range compared {
			d := compared[(i+round)%len(compared)]
			s := r.sandbox(groundAll)
			s.sh(fakeProcSys)
			under := d.under
			if d == designShimrun {
				under = "shimrun --stats-file /tmp/statistics --profile kubernetes --"
			}
			v := s.serve(under, "--disable-agent")
			if !v.started(patience, v.apiUp()) {
				r.fatal("no API server under %s:\n%s", d.name, v.log)
			}
			took := time.Since(v.begun).Seconds()
			v.end()
			seconds[d.name] = append(seconds[d.name], took)
			stops[d.name] = append(stops[d.name], r.stops(d, v))
			r.note("%s: %.1f s, %d stops", d.name, took, stops[d.name][round])
			s.stop()
		}
	}
	idle := false
	if n, err := strconv.ParseFloat(load, 64); err == nil && n <= 0.5 {
		idle = true
	}
	r.head("start", "", "stops until the server has ended, median", "range", "API server ready after, median", "range")
	for _, d := range compared {
		n, t := stops[d.name], seconds[d.name]
		slices.Sort(n)
		slices.Sort(t)
		times := []string{"not told", ""}
		if idle {
			times = []string{fmt.Sprintf("%.1f s", t[*rounds/2]), fmt.Sprintf("%.1f to %.1f s", t[0], t[*rounds-1])}
		}
		r.row("start", append([]string{d.name, fmt.Sprint(n[*rounds/2]), fmt.Sprintf("%d to %d", n[0], n[*rounds-1])}, times...)...)
	}
	r.values["rounds"] = fmt.Sprint(*rounds)
	naive, ours := stops[designNaive.name][*rounds/2], stops[designShimrun.name][*rounds/2]
	r.expect(naive > 100*ours && naive < 1000*ours, "the naive design stops the server hundreds of times as often", []int{naive, ours})
	r.values["load"] = fmt.Sprintf("The machine was otherwise idle (load average %s when the rounds began).", load)
	if !idle {
		r.values["load"] = fmt.Sprintf("Times are not told: others used the machine (load average %s when the rounds began), and then they say nothing. The same command tells them where the machine is idle. Counts of stops grow with the time that the server runs, but not by more than a half or so.", load)
	}
}

// stops reads how often a design stopped the server.
func (r *run) stops(d design, v *server) int {
	switch d {
	case designNaive:
		for _, line := range strings.Split(v.log.String(), "\n") {
			var stops, opens, redirected int
			if n, _ := fmt.Sscanf(line, "naive: %d stops, %d opens read, %d redirected", &stops, &opens, &redirected); n == 3 {
				return stops
			}
		}
		r.fatal("no count of stops from %s", d.name)
	case designShimrun:
		var statistics struct{ Calls []struct{ Seen int } }
		text := v.quietly(time.Minute, "", "cat", "/tmp/statistics").out
		if err := json.Unmarshal([]byte(text), &statistics); err != nil {
			r.fatal("statistics: %w: %q", err, text)
		}
		stops := 0
		for _, call := range statistics.Calls {
			stops += call.Seen
		}
		return stops
	}
	return 0
}

// loadAverage is the kernel's: field 0 is over one minute, 1 over five.
func loadAverage(field int) string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Fields(string(text))[field]
}
