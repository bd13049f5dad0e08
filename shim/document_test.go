package shim

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

var backticked = regexp.MustCompile("`([a-z0-9_]+)`")

// TestDocument holds docs/syscalls.md against the code: a row for every call
// that can be trapped, no row for any other, and in each row cases that exist.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile("../docs/syscalls.md")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, c := range cases.All() {
		known = append(known, c.Name)
	}
	documented := map[string]bool{}
	section := ""
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "## ") {
			section = strings.TrimSpace(line[3:])
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if section == "" || len(cells) < 3 || !strings.Contains(cells[0], "`") {
			continue
		}
		shown := strings.Split(strings.TrimSpace(cells[len(cells)-1]), ", ")
		for _, name := range shown {
			if !slices.Contains(known, name) {
				t.Errorf("%s: no case %q", strings.TrimSpace(cells[0]), name)
			}
		}
		for _, m := range backticked.FindAllStringSubmatch(cells[0], -1) {
			if section != "While a process holds another writable served descriptor" {
				documented[m[1]] = true
			}
		}
	}
	for _, call := range Calls() {
		if !documented[call] {
			t.Errorf("docs/syscalls.md has no row for %s", call)
		}
		delete(documented, call)
	}
	for call := range documented {
		t.Errorf("docs/syscalls.md has a row for %s, which is never trapped", call)
	}
}
