package main

import (
	"slices"
	"strings"
	"testing"
)

func TestArrange(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // no program is there
	for line, want := range map[string]string{
		"shimrun":                                   "",
		"shimrun doctor k3s --json":                 "shimrun doctor --json k3s",
		"shimrun doctor -- k3s --json":              "",
		"shimrun doctor k3s --json -- --x":          "shimrun doctor --json k3s -- --x",
		"shimrun doctor k3s -h":                     "shimrun doctor -h",
		"shimrun profile show k3s --merged":         "shimrun profile show --merged k3s",
		"shimrun bench r.json --html - --json=x":    "shimrun bench --html - --json=x r.json",
		"shimrun bench r.json --html":               "shimrun bench --html r.json",
		"shimrun --stats ls -l --json":              "",
		"shimrun ls --json doctor":                  "",
		"shimrun -- doctor k3s --json":              "",
		"shimrun validate worker x --json y":        "",
		"shimrun --root r kill c KILL --all":        "shimrun --root r kill --all c KILL",
		"shimrun kill c -9":                         "",
		"shimrun update c --memory 5 --cpu-quota 7": "shimrun update --memory 5 --cpu-quota 7 c",
		"shimrun exec c ls -l":                      "",
		"shimrun exec --tty c ls -l":                "",
		"shimrun ps c -ef":                          "",
		"shimrun ps -ef":                            "", // there is no ps
		"/bin/runc delete c --force":                "/bin/runc delete --force c",
		"shimrun checkpoint c --x":                  "",
	} {
		if want == "" {
			want = line
		}
		words := strings.Fields(line)
		if got := arrange(slices.Clone(words)); strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
