package shim

import (
	"testing"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/fakefs"
)

// BenchmarkNew is what a supervisor does before it can answer, but for parsing.
func BenchmarkNew(b *testing.B) {
	p, err := fakefs.Load(fakefs.LoadOptions{Profiles: []string{"kubernetes"}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		tree, err := p.Tree(machine{})
		if err != nil {
			b.Fatal(err)
		}
		s, err := New(tree, Options{Log: zerolog.Nop()})
		if err != nil {
			b.Fatal(err)
		}
		s.Close()
	}
}
