package main

import (
	"encoding/json"
	"errors"
	"strings"
)

// ground is where the suite ran, with what its reports say of each test.
type ground struct {
	name  string
	tests map[string]test
}

// test is one, as far as it matters here.
type test struct {
	state   string // skipped, passed, failed and others
	failure string
}

func (t test) ran() bool { return t.state != "skipped" && t.state != "pending" }

func newGround(name string) *ground { return &ground{name, map[string]test{}} }

// read adds a report. It has all tests of the suite, those that were not chosen as
// skipped.
func (g *ground) read(report []byte) error {
	var suites []struct {
		SuiteConfig struct{ DryRun bool }
		SpecReports []struct {
			ContainerHierarchyTexts []string
			LeafNodeType            string
			LeafNodeText            string
			State                   string
			Failure                 struct{ Message string }
		}
	}
	if err := json.Unmarshal(report, &suites); err != nil {
		return err
	}
	for _, suite := range suites {
		if suite.SuiteConfig.DryRun {
			return errors.New("of a dry run, which passes everything")
		}
		for _, spec := range suite.SpecReports {
			name := strings.Join(append(spec.ContainerHierarchyTexts, spec.LeafNodeText), " ")
			now := test{spec.State, spec.Failure.Message}
			before, known := g.tests[name]
			if spec.LeafNodeType == "It" && (now.ran() || !known || !before.ran()) {
				g.tests[name] = now
			}
		}
	}
	return nil
}
