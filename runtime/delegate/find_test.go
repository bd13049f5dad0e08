package delegate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/shimrun/shimrun/runtime/container"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stand-ins for a runtime that are this program.
var ourselves = map[string]func(t *testing.T, self, name string){
	"a link": func(t *testing.T, self, name string) { must(t, os.Symlink(self, name)) },
	"a link to a link": func(t *testing.T, self, name string) {
		must(t, os.Symlink(self, name+".link"))
		must(t, os.Symlink(filepath.Base(name)+".link", name))
	},
	"a hard link": func(t *testing.T, self, name string) {
		if err := os.Link(self, name); err != nil {
			t.Skip(err) // another filesystem
		}
	},
	"a copy": func(t *testing.T, self, name string) {
		text, err := os.ReadFile(self)
		must(t, err)
		must(t, os.WriteFile(name, text, 0o755))
	},
}

// This program is no runtime to delegate to, by whatever name; the one behind it
// in PATH is.
func TestFindPassesItselfOver(t *testing.T) {
	self, err := os.Executable()
	must(t, err)
	for what, make := range ourselves {
		t.Run(what, func(t *testing.T) {
			first, second := t.TempDir(), t.TempDir()
			ours, other, crun := filepath.Join(first, "runc"), filepath.Join(second, "runc"), filepath.Join(second, "crun")
			make(t, self, ours)
			must(t, os.WriteFile(crun, []byte("#!/bin/sh\n"), 0o755))
			t.Setenv("PATH", first+"::.:"+second)
			if got, err := Find(""); got != crun {
				t.Errorf("without another runc it is %q, %v", got, err)
			}
			for _, asked := range []string{"runc", ours} {
				if got, err := Find(asked); err == nil || !strings.Contains(err.Error(), "is shimrun itself") {
					t.Errorf("%s is %q, %v", asked, got, err)
				}
			}
			must(t, os.WriteFile(other, []byte("#!/bin/sh\n"), 0o755))
			for _, asked := range []string{"", "runc", other} {
				if got, err := Find(asked); got != other {
					t.Errorf("%q is %q, %v", asked, got, err)
				}
			}
		})
	}
}

// The mark of every version is found wherever it stands.
func TestHolds(t *testing.T) {
	for _, before := range []int{0, 1, 256<<10 - len(builtFrom), 256<<10 - 10, 256 << 10, 600 << 10} {
		text := strings.Repeat("p", before) + builtFrom + "more"
		if !holds(strings.NewReader(text), builtFrom) || !holds(iotest.HalfReader(strings.NewReader(text)), builtFrom) {
			t.Errorf("it is not found behind %d bytes", before)
		}
		if holds(strings.NewReader(text[:before+len(builtFrom)-1]), builtFrom) {
			t.Errorf("a part of it is taken for all, behind %d bytes", before)
		}
	}
}

// A runtime that keeps its state in a delegated container's folder was started
// by this program; any other folder is anybody's.
func TestIsRuntime(t *testing.T) {
	store, err := container.NewStore(t.TempDir())
	must(t, err)
	for mode, want := range map[string]bool{Mode: true, "builtin": false} {
		made, err := store.Create(mode)
		must(t, err)
		made.Mode = mode
		must(t, made.Save())
		if got := IsRuntime((Engine{Container: made}).command()[2]); got != want {
			t.Errorf("mode %s: %v", mode, got)
		}
	}
	for _, root := range []string{"", "/run/runtime", store.Root, filepath.Join(store.Root, "none/runtime"), filepath.Join(store.Root, Mode)} {
		if IsRuntime(root) {
			t.Errorf("%q is taken for a runtime's folder", root)
		}
	}
}
