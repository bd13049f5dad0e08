package shim

import (
	"slices"
	"testing"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// Where mounts tell what is served by name, calls with names are let go.
func TestTrapsWhereOnlyOpened(t *testing.T) {
	p, err := fakefs.Parse("test.yaml", []byte("sysctls: {kernel.panic: 1}\nuname: {release: a}\napproximate: [/proc/sys]\n"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(noMounts{})
	if err != nil {
		t.Fatal(err)
	}
	tree.Leave([]string{"/proc/sys"}, func(name string) bool { return true })
	s, err := New(tree, Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	traps := map[string]Trap{}
	for _, trap := range s.Traps() {
		traps[trap.Name] = trap
	}
	for _, name := range []string{"getdents64", "faccessat", "readlinkat", "chdir", "getxattr", "truncate", "statfs"} {
		if _, trapped := traps[name]; trapped {
			t.Errorf("%s is trapped", name)
		}
	}
	for name, only := range map[string][]ArgEquals{
		"newfstatat": {{Arg: 3, Mask: unix.AT_EMPTY_PATH, Value: unix.AT_EMPTY_PATH}},
		"statx":      {{Arg: 2, Mask: unix.AT_EMPTY_PATH, Value: unix.AT_EMPTY_PATH}},
		"openat":     {{Arg: 2, Mask: unix.O_DIRECTORY}},
		"openat2":    nil,
		"fstat":      nil,
		"uname":      nil,
	} {
		if trap, trapped := traps[name]; !trapped || !slices.Equal(trap.Only, only) {
			t.Errorf("%s: %+v, %t; want only %+v", name, trap, trapped, only)
		}
	}
}

type noMounts struct{}

func (noMounts) Mountinfo() ([]byte, error) { return nil, nil }
