package fakefs

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// An Approximation is a folder of the profile's approximate section, and what
// mounts have to tell there in place of traps.
type Approximation struct {
	Folder string
	// Files are told in or below the folder, by name; none where traps stay.
	Files []StillFile
	// Why says in words what keeps the traps; empty where nothing does.
	Why string
}

// A StillFile is a served file that says the same to everybody until somebody
// writes to it, so that a file on a filesystem can stand for it.
type StillFile struct {
	Name     string
	Mode     fs.FileMode
	UID, GID uint32
	Text     []byte
}

// Approximations are the folders in which the profile lets mounts stand in for
// traps. They can do so only in all of them: a filter sees no names, and a single
// served name that needs traps keeps all calls with names trapped. exists
// tells what the real machine has.
func (t *Tree) Approximations(exists func(name string) bool) []Approximation {
	var all []Approximation
	inside := map[string]int{} // folder → its place in all
	for _, folder := range slices.Sorted(maps.Keys(t.profile.Approximate)) {
		if last := len(all) - 1; last >= 0 && isWithin(folder, all[last].Folder) {
			continue
		}
		inside[folder] = len(all)
		all = append(all, Approximation{Folder: folder})
	}
	if len(all) == 0 {
		return nil
	}
	keeper := "" // what keeps calls with names trapped
	for _, node := range t.Nodes() {
		if node.isKernels(exists) {
			continue
		}
		at, ok := inside[folderOf(node.Name, inside)]
		if !ok {
			if keeper == "" && !node.onlyOpened(exists) {
				keeper = node.Name
			}
			continue
		}
		file, why := t.still(node)
		if why != "" && all[at].Why == "" {
			all[at].Why = fmt.Sprintf("no mount can tell %s: %s", node.Name, why)
			if keeper == "" {
				keeper = node.Name
			}
		}
		all[at].Files = append(all[at].Files, file)
	}
	for i := range all {
		a := &all[i]
		switch {
		case a.Why != "":
		case len(a.Files) == 0:
			a.Why = "nothing is served in it here"
		case keeper != "":
			a.Why = fmt.Sprintf("it would gain nothing: %s keeps all calls with names trapped", keeper)
		}
		if a.Why != "" {
			a.Files = nil
		}
	}
	return all
}

// folderOf is the one of some folders that a name is in, or "".
func folderOf[V any](name string, folders map[string]V) string {
	for dir := name; len(dir) > 1; dir = parentOf(dir) {
		if _, ok := folders[dir]; ok {
			return dir
		}
	}
	return ""
}

// still makes a file of a node, or says why that cannot be.
func (t *Tree) still(n *Node) (file StillFile, why string) {
	switch {
	case n.Pattern != "":
		return file, "it is a pattern"
	case n.On != nil:
		return file, "it is on a filesystem that is served"
	case n.Content == nil:
		return file, "it is " + kindOf(n)
	}
	if path, ok := strings.CutPrefix(n.Name, sysctlRoot+"/"); ok && t.uname[path] != nil && n.Mode&0o222 != 0 {
		return file, "uname(2) has to tell what is written to it"
	}
	if _, shared := n.Content.Shared(); !shared {
		return file, "its text depends on the moment or on who reads it"
	}
	text, err := n.Content.Read(nil) // what is shared asks no view
	if err != nil {
		return file, "it cannot be read"
	}
	return StillFile{Name: n.Name, Mode: n.Mode.Perm(), UID: n.UID, GID: n.GID, Text: text}, ""
}

// isKernels tells that a plain node leaves its name to the kernel.
func (n *Node) isKernels(exists func(string) bool) bool {
	return n.Pattern == "" && (n.WhenMissing || n.WhenPresent) && exists(n.Name) == n.WhenMissing
}

func kindOf(n *Node) string {
	switch {
	case n.Stream != "":
		return "a stream"
	case n.Mode&fs.ModeSymlink != 0:
		return "a link"
	case n.Mode.IsDir():
		return "a folder"
	}
	return "a device"
}

// onlyOpened tells that a node gives a file that the kernel has another text
// and nothing else, so that only those who open it have to be seen.
func (n *Node) onlyOpened(exists func(string) bool) bool {
	if _, ok := n.Content.(*generated); !ok || n.On != nil {
		return false
	}
	return n.WhenPresent || n.Pattern == "" && exists(n.Name)
}

// Leave has the tree serve nothing any more in the folders of its approximations,
// which mounts tell from now on. What it still serves only has to be seen at
// opens ([Tree.OnlyOpened]): Approximations has found so.
func (t *Tree) Leave(folders []string, exists func(name string) bool) {
	left := map[string]bool{}
	for _, folder := range folders {
		left[folder] = true
	}
	rest := map[string]*Node{}
	for name, node := range t.plain.nodes {
		if node.Implied || folderOf(name, left) != "" || node.isKernels(exists) {
			continue
		}
		node := *node
		node.WhenPresent = true
		rest[name] = &node
	}
	t.plain, t.fill, t.devices, t.onlyOpened = newIndex(rest), nil, nil, true
}

// OnlyOpened tells that all that is served are other texts of files that the
// kernel has: what stat(2) and folders say of them is the kernel's.
func (t *Tree) OnlyOpened() bool { return t.onlyOpened }
