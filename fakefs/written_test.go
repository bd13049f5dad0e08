package fakefs

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Each look-up makes a node, and what was written through one is read through all.
func TestPatternIsWritten(t *testing.T) {
	p, err := Parse("test.yaml", []byte("name: test\nfiles:\n  /srv/*/a: {content: old, mode: \"0644\"}\n  /srv/*/b: {content: old}\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(nil)
	if err != nil {
		t.Fatal(err)
	}
	text := func(name string) string {
		content, err := tree.Lookup(name).Content.Read(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	early := tree.Lookup("/srv/1/a")
	before, _ := early.Content.Shared()
	if n, err := tree.Lookup("/srv/1/a").Content.Write(nil, []byte("new"), 0); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	if text("/srv/1/a") != "new" || text("/srv/2/a") != "old" {
		t.Errorf("%q, %q", text("/srv/1/a"), text("/srv/2/a"))
	}
	if content, _ := early.Content.Read(nil); string(content) != "new" {
		t.Errorf("a node that was looked up before reads %q", content)
	}
	if after, shared := early.Content.Shared(); after == before || !shared {
		t.Errorf("version %d, as before", after)
	}
	if _, err := tree.Lookup("/srv/1/a").Content.Write(nil, []byte("x"), -1); err != unix.EINVAL {
		t.Error(err)
	}
	if _, err := tree.Lookup("/srv/1/b").Content.Write(nil, []byte("x"), 0); err != unix.EACCES {
		t.Error(err)
	}
	for i := range mostWritten {
		_, err = tree.Lookup("/srv/x"+string(rune(0x4e00+i))+"/a").Content.Write(nil, []byte("x"), 0)
	}
	if err != unix.ENOSPC {
		t.Errorf("the last of too many files: %v", err)
	}
	if text("/srv/1/a") != "new" {
		t.Errorf("%q", text("/srv/1/a"))
	}
}
