package main

import (
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// chosen are upstream's tests that matter.
var chosen = regexp.MustCompile(`\[(Node)?Conformance\]`)

// table writes what came of them.
func table(out io.Writer, grounds []*ground, reasons []reason, all bool) {
	fmt.Fprintln(out, "| ground | passed | failed | impossible here | not run |\n| --- | --- | --- | --- | --- |")
	for _, g := range grounds {
		count := map[string]int{}
		for name := range g.tests {
			count[g.outcome(name, reasons)]++
		}
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d |\n", g.name, count["passed"], count["failed"], count["impossible"], count["not run"])
	}
	for _, g := range grounds {
		g.list(out, "failed", reasons)
		if all {
			g.list(out, "passed", reasons)
		}
	}
	if len(grounds) > 0 {
		fmt.Fprintln(out, "\n| impossible | for lack of | because |\n| --- | --- | --- |")
		for _, name := range grounds[0].names() {
			if r := of(reasons, name); r != nil && chosen.MatchString(name) {
				fmt.Fprintf(out, "| %s | %s | %s |\n", short(name), r.lack, r.why)
			}
		}
	}
}

// outcome is what a table calls it; none for a test that nobody chooses.
func (g *ground) outcome(name string, reasons []reason) string {
	switch t := g.tests[name]; {
	case !chosen.MatchString(name):
		return ""
	case t.state == "passed":
		return "passed"
	case t.ran():
		return "failed"
	case of(reasons, name) != nil:
		return "impossible"
	}
	return "not run"
}

func (g *ground) names() []string { return slices.Sorted(maps.Keys(g.tests)) }

// list writes the tests with an outcome, and why where they failed.
func (g *ground) list(out io.Writer, outcome string, reasons []reason) {
	var lines []string
	for _, name := range g.names() {
		if g.outcome(name, reasons) == outcome {
			lines = append(lines, fmt.Sprintf("| %s | %s |", short(name), cell(g.tests[name].failure)))
		}
	}
	if lines != nil {
		fmt.Fprintf(out, "\n%s, %s:\n\n| test | said |\n| --- | --- |\n%s\n", g.name, outcome, strings.Join(lines, "\n"))
	}
}

// labels stand behind a name, and say nothing more here.
var labels = regexp.MustCompile(` ?\[(LinuxOnly|Conformance|NodeConformance|Slow|Serial|MinimumKubeletVersion[^]]*|Privileged[^]]*)\]`)

func short(name string) string { return cell(labels.ReplaceAllString(name, "")) }

// cell is a text's first line, as one cell.
func cell(text string) string {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "\n")
	if len(text) > 200 {
		text = text[:200] + "…"
	}
	return strings.ReplaceAll(text, "|", `\|`)
}
