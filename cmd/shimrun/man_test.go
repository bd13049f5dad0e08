//go:build !urfave_cli_no_docs

package main

import (
	"flag"
	"io"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write shimrun.1 anew")

func TestManual(t *testing.T) {
	page, err := newApp(io.Discard, io.Discard).ToManWithSection(1)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("shimrun.1", []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if page != manual {
		t.Error("shimrun.1 is not what the command line is like; run: go test ./cmd/shimrun -run TestManual -update")
	}
}
