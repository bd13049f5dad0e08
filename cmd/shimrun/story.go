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
	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/shim"
)

// A story is what a profile comes to on this machine.
type story struct {
	// Lies are told here: a file that is served only where the kernel has none,
	// and that the kernel has, is none.
	Lies []lie `json:"lies"`
	// Traps are the system calls that have to be intercepted for it.
	Traps []string `json:"traps"`
	// Accelerate says for each folder that the profile calls approximate whether
	// mounts tell what is served in it.
	Accelerate []runtime.Accelerated `json:"accelerate"`
}

// lie is one thing that a profile tells, and how that stands to this machine.
type lie struct {
	fakefs.Lie
	// Here says in words what the kernel has in its place; may be empty.
	Here string `json:"here,omitempty"`
}

// tell works a profile out, with what --accelerate says.
func tell(profile *fakefs.Profile, accelerate string) (*story, error) {
	tree, err := profile.Tree(procfs.Machine{})
	if err != nil {
		return nil, err
	}
	nodes := tree.Nodes()
	cwd, err := os.Getwd()
	if err != nil {
		cwd = "" // it is gone, and no mount covers it
	}
	accelerated := runtime.Accelerate(tree, accelerate, cwd)
	policy, err := shim.New(tree, shim.Options{Log: zerolog.Nop()})
	if err != nil {
		return nil, err
	}
	defer policy.Close()

	s := &story{Lies: []lie{}, Traps: []string{}, Accelerate: accelerated}
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

// mountsTell says what is approximate where mounts tell what is served.
const mountsTell = "told by mounts: what is written is kept and not checked; device, size and statfs are the mounted file's"

// printAccelerated is the part of a story that is about mounts.
func printAccelerated(t *table, folders []runtime.Accelerated) {
	for _, f := range folders {
		if f.Mounted {
			t.row("accelerate", f.Folder, mountsTell)
		} else {
			t.row("accelerate", f.Folder, "told by traps: "+f.Why)
		}
	}
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
