package cluster

import (
	"encoding/json"
	"os"
	"strings"
)

// result is a test of upstream's in Ginkgo's report.
type result struct {
	ContainerHierarchyTexts []string
	LeafNodeType            string
	LeafNodeText            string
	State                   string
	RunTime                 float64 // in nanoseconds
	Failure                 struct{ Message string }
}

func (r result) name() string {
	return strings.Join(append(r.ContainerHierarchyTexts, r.LeafNodeText), " ")
}

// readResults reads those of the tests that ran.
func readResults(path string) (ran []result, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var suites []struct{ SpecReports []result }
	if err := json.Unmarshal(text, &suites); err != nil {
		return nil, err
	}
	for _, suite := range suites {
		for _, r := range suite.SpecReports {
			// What is set up before all tests counts when it fails.
			if r.State != "skipped" && r.State != "pending" && (r.LeafNodeType == "It" || r.State != "passed") {
				ran = append(ran, r)
			}
		}
	}
	return ran, nil
}

// expressions are the lines of a list, without comments and the headings that begin
// with =.
func expressions(path string) (list []string, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != '=' {
			list = append(list, line)
		}
	}
	return list, nil
}
