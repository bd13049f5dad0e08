// Command report makes of Ginkgo's reports a table for docs/kubernetes.md:
//
//	go run ./report [--all] GROUND=REPORT.json...
//
// A test is impossible where ../impossible says why, passed or failed when it ran,
// and otherwise was not run. Several reports of one ground are one, in which the last
// run of a test counts.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
)

func main() {
	list := flag.String("impossible", "impossible", "the `FILE` of tests that cannot be passed")
	all := flag.Bool("all", false, "list those that passed, too")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: report [--impossible FILE] [--all] GROUND=REPORT.json...")
		os.Exit(2)
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
	}
	if err := run(*list, flag.Args(), *all); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(list string, arguments []string, all bool) error {
	text, err := os.ReadFile(list)
	if err != nil {
		return err
	}
	reasons, err := parseReasons(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	var grounds []*ground
	for _, argument := range arguments {
		name, path, ok := strings.Cut(argument, "=")
		if !ok {
			return fmt.Errorf("%s is not GROUND=REPORT.json", argument)
		}
		at := slices.IndexFunc(grounds, func(g *ground) bool { return g.name == name })
		if at < 0 {
			at, grounds = len(grounds), append(grounds, newGround(name))
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := grounds[at].read(text); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	var out bytes.Buffer
	table(&out, grounds, reasons, all)
	_, err = os.Stdout.Write(out.Bytes())
	return err
}
