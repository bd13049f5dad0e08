package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFindBeside(t *testing.T) {
	dir, elsewhere := t.TempDir(), t.TempDir()
	own := filepath.Join(dir, "shimrun")
	t.Setenv("PATH", elsewhere)
	if _, err := findBeside(own, validateProgram); err == nil || !strings.Contains(err.Error(), "make validate builds bin/shimrun-validate") {
		t.Errorf("nowhere: %v", err)
	}
	for _, where := range []string{elsewhere, dir} { // the one beside goes first
		want := filepath.Join(where, validateProgram)
		if err := os.WriteFile(want, []byte("#!/bin/sh\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		if got, err := findBeside(own, validateProgram); got != want {
			t.Errorf("%q, %v; want %q", got, err, want)
		}
	}
}
