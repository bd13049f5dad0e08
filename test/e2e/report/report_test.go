package main

import (
	"os"
	"strings"
	"testing"
)

const first = `[{"SpecReports": [
	{"LeafNodeType": "BeforeSuite", "State": "passed"},
	{"ContainerHierarchyTexts": ["[sig-a] Pods"], "LeafNodeType": "It", "LeafNodeText": "run [Conformance]", "State": "failed", "Failure": {"Message": "timed out | late\nmore"}},
	{"ContainerHierarchyTexts": ["[sig-a] Pods"], "LeafNodeType": "It", "LeafNodeText": "end [NodeConformance]", "State": "timedout"},
	{"ContainerHierarchyTexts": ["[sig-a] Services"], "LeafNodeType": "It", "LeafNodeText": "serve [Conformance]", "State": "skipped"},
	{"ContainerHierarchyTexts": ["[sig-a] Jobs"], "LeafNodeType": "It", "LeafNodeText": "end [Conformance]", "State": "skipped"},
	{"ContainerHierarchyTexts": ["[sig-a] Other"], "LeafNodeType": "It", "LeafNodeText": "thing", "State": "passed"}
]}]`

const second = `[{"SpecReports": [
	{"ContainerHierarchyTexts": ["[sig-a] Pods"], "LeafNodeType": "It", "LeafNodeText": "run [Conformance]", "State": "passed"},
	{"ContainerHierarchyTexts": ["[sig-a] Pods"], "LeafNodeType": "It", "LeafNodeText": "end [NodeConformance]", "State": "skipped"}
]}]`

const impossible = "# Why.\n= netfilter: no addresses\n\\] Services should|Services serve\n"

func TestTable(t *testing.T) {
	reasons, err := parseReasons(impossible)
	if err != nil {
		t.Fatal(err)
	}
	g := newGround("here")
	show := func() string {
		var out strings.Builder
		table(&out, []*ground{g}, reasons, false)
		return out.String()
	}
	for _, step := range []struct{ report, want string }{
		{first, "| here | 0 | 2 | 1 | 1 |"},
		// A test that ran again counts as the last time, one that did not as before.
		{second, "| here | 1 | 1 | 1 | 1 |"},
	} {
		if err := g.read([]byte(step.report)); err != nil {
			t.Fatal(err)
		}
		if got := show(); !strings.Contains(got, step.want) {
			t.Errorf("no %q in\n%s", step.want, got)
		}
	}
	if got := show(); !strings.Contains(got, "| [sig-a] Services serve | netfilter | no addresses |") {
		t.Errorf("the impossible one is not there:\n%s", got)
	}
}

func TestDryRunIsNoReport(t *testing.T) {
	dry := strings.Replace(first, "{", `{"SuiteConfig": {"DryRun": true}, `, 1)
	if err := newGround("here").read([]byte(dry)); err == nil {
		t.Error("a dry run is taken")
	}
}

func TestCell(t *testing.T) {
	if got := cell("\n timed out | late\nmore"); got != `timed out \| late` {
		t.Errorf("%q", got)
	}
}

func TestReasonsAreWellFormed(t *testing.T) {
	text, err := os.ReadFile("../impossible")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parseReasons(string(text)); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"a", "= no reason", "= a: b\n("} {
		if _, err := parseReasons(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
