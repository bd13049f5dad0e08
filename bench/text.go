package bench

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
)

// WriteBench writes the samples as `go test -bench` does, a line each, for
// benchstat: `benchstat -col /contender -row /scenario,/ground FILE`.
func (r *Result) WriteBench(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "goos: linux\ngoarch: %s\npkg: github.com/shimrun/shimrun/bench\n", r.Machine.Kernel.Machine)
	if r.Processor != "" {
		fmt.Fprintf(out, "cpu: %s\n", r.Processor)
	}
	fmt.Fprintf(out, "kernel: %s\nshimrun: %s\n", r.Machine.Kernel.Release, r.Shimrun)
	clean := strings.NewReplacer(" ", "_", "/", "_")
	for _, c := range r.Cells {
		for _, ns := range c.NS {
			if !math.IsNaN(ns) {
				fmt.Fprintf(out, "BenchmarkShimrun/ground=%s/scenario=%s/contender=%s\t1\t%.1f ns/op\n",
					clean.Replace(c.Ground), clean.Replace(c.Scenario), clean.Replace(c.Contender), ns)
			}
		}
	}
	return out.Flush()
}
