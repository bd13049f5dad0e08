package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/shim"
)

// A story is what a profile comes to on this machine.
type story struct {
	// Lies are told here: a file that is served only where the kernel has none,
	// and that the kernel has, is none.
	Lies []lie `json:"lies"`
	// Traps are the system calls that have to be intercepted for it.
	Traps []string `json:"traps"`
}

// lie is one thing that a profile tells, and how that stands to this machine.
type lie struct {
	fakefs.Lie
	// Here says in words what the kernel has in its place; may be empty.
	Here string `json:"here,omitempty"`
}

// tell works a profile out.
func tell(profile *fakefs.Profile) (*story, error) {
	tree, err := profile.Tree(procfs.Machine{})
	if err != nil {
		return nil, err
	}
	nodes := tree.Nodes()
	policy, err := shim.New(tree, shim.Options{Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	defer policy.Close()

	s := &story{Lies: []lie{}, Traps: []string{}}
	for _, trap := range policy.Traps() {
		s.Traps = append(s.Traps, trap.Name)
	}
	slices.Sort(s.Traps)

	lies := profile.Lies()
	served := count(nodes, lies)
	for _, l := range lies {
		if l.Kind == "cgroups" && !slices.Contains(tree.Controllers(), l.Name) {
			continue
		}
		if l.Kind == "programs" && !slices.Contains(policy.Programs(), l.Name) {
			continue
		}
		files, counted := served[label(l)]
		if counted && files.missing+files.present == 0 {
			continue
		}
		s.Lies = append(s.Lies, lie{l, files.String()})
	}
	return s, nil
}

// fileCount are the files of one lie that are served here.
type fileCount struct{ missing, present int }

// anySysctl is the label of the lie that stands for all that are not named.
const anySysctl = "sysctls *"

// label is the name under which a tree's nodes bear a lie.
func label(l fakefs.Lie) string { return l.Kind + " " + l.Name }

// count finds out for each lie what the kernel has in the place of its files.
// Patterns, and what is derived from other lies, are not counted.
func count(nodes []*fakefs.Node, lies []fakefs.Lie) map[string]fileCount {
	counts := map[string]fileCount{}
	declared := map[string]bool{}
	for _, l := range lies {
		declared[label(l)] = true
	}
	for _, node := range nodes {
		name := node.Lie
		if !declared[name] {
			if !strings.HasPrefix(name, "sysctls ") {
				continue
			}
			name = anySysctl
		}
		if strings.Contains(node.Name, "*") {
			continue
		}
		n := counts[name]
		_, err := os.Lstat(node.Name)
		switch missing := errors.Is(err, fs.ErrNotExist); {
		case missing && !node.WhenPresent:
			n.missing++
		case !missing && !node.WhenMissing:
			n.present++
		}
		counts[name] = n
	}
	return counts
}

func (n fileCount) String() string {
	switch {
	case n.missing+n.present == 0:
		return ""
	case n.missing > 1 || n.present > 1:
		return fmt.Sprintf("%d missing here, %d replaced", n.missing, n.present)
	case n.missing == 1:
		return "missing here"
	}
	return "replaced"
}
