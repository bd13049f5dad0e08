package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestChoose(t *testing.T) {
	chosen, err := choose([]string{"5", "3A"})
	if err != nil || len(chosen) != 2 || chosen[0].name != "3A" || chosen[1].name != "5" {
		t.Errorf("%v, %v", chosen, err)
	}
	if chosen, err = choose([]string{"all"}); err != nil || len(chosen) != len(experiments) {
		t.Errorf("all: %d, %v", len(chosen), err)
	}
	for _, names := range [][]string{nil, {"6"}, {"1", "x"}} {
		if _, err := choose(names); err == nil {
			t.Errorf("%q was taken", names)
		}
	}
}

func TestFatalError(t *testing.T) {
	for _, c := range []struct{ name, log, want string }{
		{"kubeserver's last words", "I1 x\nkubeserver server: kubelet: failed to run Kubelet: mountpoint for cpu not found\n", "failed to run Kubelet: mountpoint for cpu not found"},
		{"kubelet's", "E1124 23:27:56.667845     189 kubelet.go:1776] \"Failed to initialize internal modules\" err=\"failed to make \\\"x\\\" rshared\"\nI1 y\n", `failed to make "x" rshared`},
		{"errors of a map, in order", "E1124 23:27:44.350684     155 kubelet.go:1704] \"Failed to start ContainerManager\" err=\"[open b: no, open a: no]\"\n", "[open a: no, open b: no]"},
		{"none", "I1 all is well\n", ""},
	} {
		if got := fatalError(c.log); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestProfile(t *testing.T) {
	want := "quirks: [a, b]\nfiles:\n  /x: {content: y}\nfilesystems:\n  - match: {type: 9p}\n    report: {type: ext4, source: /dev/shim}\n"
	if got := profile([]string{"a", "b"}, []string{"/x: {content: y}"}, []string{"9p"}); got != want {
		t.Errorf("%s", got)
	}
	if got := profile(nil, nil, nil); got != "" {
		t.Errorf("%q", got)
	}
}

func TestMarkdown(t *testing.T) {
	table := &table{head: []string{"a", "b"}, rows: [][]string{{"x|y", "two\nlines"}}}
	if got, want := table.markdown(), "| a | b |\n| --- | --- |\n| x\\|y | two lines |"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestTemplates holds the words to their form; that they are true is for the
// experiments to find.
func TestTemplates(t *testing.T) {
	for _, e := range experiments {
		text, err := templates.ReadFile("templates/" + e.page + ".md")
		if err != nil {
			t.Error(err)
			continue
		}
		at := -1
		for _, heading := range []string{"**Finding.** ", "## Hypothesis", "## Method", "{{commands}}", "{{versions}}", "## Results", "{{table ", "## Analysis", "## Next steps"} {
			next := strings.Index(string(text), heading)
			if next <= at {
				t.Errorf("%s: no %q, or not in its place", e.page, heading)
			}
			at = max(at, next)
		}
	}
}

// The index says what its pages and its template say.
func TestIndex(t *testing.T) {
	repository, err := repositoryRoot()
	if err != nil {
		t.Fatal(err)
	}
	want, err := indexText(repository)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(repository, "docs/experiments/README.md"))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) == want {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("docs/experiments/README.md is not what UPDATE=1 go test ./test/experiments would write")
	}
	if err := writeIndex(repository); err != nil {
		t.Fatal(err)
	}
}

func TestExpectations(t *testing.T) {
	r := &run{}
	r.expect(true, "true", nil)
	r.expectSays("a text", "some words", "words")
	if len(r.untrue) != 0 {
		t.Errorf("%q", r.untrue)
	}
	r.expectSays("a text", "some words", "others")
	if len(r.untrue) != 1 {
		t.Errorf("%q", r.untrue)
	}
}
