package shim

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

func TestSnapshot(t *testing.T) {
	profile, err := fakefs.Parse("test", []byte("name: test\nsysctls: {kernel.panic: 7}\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := profile.Tree(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(tree, Options{Timing: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Snapshot(); got.Latency != nil || len(got.Calls) != 0 || got.Failed == nil {
		t.Errorf("at first: %+v", got)
	}
	var node *fakefs.Node
	for _, n := range tree.Nodes() {
		if n.Content != nil {
			node = n
		}
	}
	// Two workers, as threads of a backend have them.
	for _, latency := range []time.Duration{time.Microsecond, time.Millisecond} {
		w := s.Worker()
		nr := s.traps[0].Nr
		w.count.answered(nr, Install)
		w.count.latency(nr, latency)
		w.told(&Call{Nr: nr}, node)
		w.failed(&Call{}, node, unix.O_RDONLY, errors.New("out of descriptors"))
		w.failed(&Call{}, node, unix.O_RDONLY, fs.ErrNotExist) // the kernel's to say
	}
	got := s.Snapshot()
	if got.Lies[node.Lie] != 2 || got.Failed[node.Lie] != 2 {
		t.Errorf("told %v, failed %v", got.Lies, got.Failed)
	}
	if len(got.Calls) != 1 || got.Calls[0].Answered != 2 {
		t.Errorf("calls: %+v", got.Calls)
	}
	l := got.Latency
	if l == nil || len(l.Buckets) != 2 || l.Buckets[0].Count != 1 || l.Buckets[0].From > 1000 || l.Buckets[0].To < 1000 ||
		l.P50 > 1030 || l.Max < 990_000 || l.Max > 1_010_000 {
		t.Errorf("latency: %+v", l)
	}
}
