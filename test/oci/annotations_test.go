package oci

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A bundle cannot say for shimrun how its container is run and what that lacks,
// neither in state nor to hooks; its other annotations are kept.
func TestForgedAnnotations(t *testing.T) {
	forged := map[string]string{
		"io.shimrun.mode": "forged", "io.shimrun.around": "forged", "io.shimrun.lacks": "forged", "org.example.kept": "yes",
	}
	for _, e := range shimrunEngines(t) {
		told := t.TempDir()
		dir := newBundle(t, t.TempDir(), all(args("sleep", "1000"), func(s *specs.Spec) {
			s.Annotations = forged
			hook := func(kind string) []specs.Hook {
				return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "cat >" + filepath.Join(told, kind)}}}
			}
			s.Hooks = &specs.Hooks{CreateRuntime: hook("createRuntime"), CreateContainer: hook("createContainer"), Poststop: hook("poststop")}
		}))
		bring(t, e, dir, "running")
		seen := map[string]map[string]string{"state": e.state(t, "c").Annotations}
		e.ok(t, "delete", "--force", "c")
		for _, kind := range []string{"createRuntime", "createContainer", "poststop"} {
			text, err := os.ReadFile(filepath.Join(told, kind))
			must(t, err)
			var s state
			must(t, json.Unmarshal(text, &s))
			seen[kind] = s.Annotations
		}
		for where, annotations := range seen {
			for name, value := range annotations {
				if value == "forged" {
					t.Errorf("%s, %s: %s is the bundle's", e.name, where, name)
				}
			}
			if annotations["org.example.kept"] != "yes" {
				t.Errorf("%s, %s: %v", e.name, where, annotations)
			}
		}
		mode := "delegate"
		if e.name == "builtin" {
			mode = "builtin"
		}
		if got := seen["state"]["io.shimrun.mode"]; got != mode {
			t.Errorf("%s: the mode is %q", e.name, got)
		}
	}
}
