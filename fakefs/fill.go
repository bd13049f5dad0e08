package fakefs

import (
	"io/fs"
	"slices"
	"strings"
	"sync"
)

// sysctlRoot is where all sysctls are.
const sysctlRoot = "/proc/sys"

// fill is what "*" stands for: all sysctls that the profile does not name. They
// are a thousand, and a run asks for a few of them, so that a node is made when
// somebody first looks for it; making all at each start would cost more than
// the rest of it.
type fill struct {
	tree *Tree
	lie  SysctlLie
	// nodes are those that were made, by name; each once, for what is written
	// to a node stays in it.
	nodes sync.Map
	// children are the entries of all directories that have any, for listings.
	children func() map[string][]Entry
}

func newFill(t *Tree, lie SysctlLie) *fill {
	f := &fill{tree: t, lie: lie}
	f.children = sync.OnceValue(f.list)
	// uname(2) asks for these without a name.
	for _, path := range unameSysctls {
		f.lookup(sysctlRoot + "/" + path)
	}
	return f
}

// has tells whether a path below /proc/sys is left to "*".
func (f *fill) has(path string) bool {
	if _, named := f.tree.profile.Sysctls[path]; named {
		return false
	}
	_, ok := known(path)
	return ok
}

// lookup is the node of a sysctl or of a directory of sysctls. A miss allocates
// nothing.
func (f *fill) lookup(name string) *Node {
	path, below := strings.CutPrefix(name, sysctlRoot+"/")
	if !below && name != sysctlRoot && name != "/proc" {
		return nil
	}
	if node, ok := f.nodes.Load(name); ok {
		return node.(*Node)
	}
	var node *Node
	switch {
	case below && f.has(path): // asked first: it needs one area's table, folders need all
		node = f.tree.sysctlNode(path, f.lie)
	case sysctlFolders()[name]:
		node = &Node{Name: name, Mode: fs.ModeDir | 0o555, Implied: true, Ino: inode(name), Lie: "sysctls *"}
	default:
		return nil
	}
	made, _ := f.nodes.LoadOrStore(node.Name, node)
	return made.(*Node)
}

// sysctlFolders are the directories above all sysctls that shimrun knows.
var sysctlFolders = sync.OnceValue(func() map[string]bool {
	folders := map[string]bool{}
	for path := range allSysctls() {
		for dir := parentOf(sysctlRoot + "/" + path); dir != "/" && !folders[dir]; dir = parentOf(dir) {
			folders[dir] = true
		}
	}
	return folders
})

// all yields the node of every sysctl that is left to "*".
func (f *fill) all(yield func(*Node) bool) {
	for path := range allSysctls() {
		if f.has(path) && !yield(f.tree.Lookup(sysctlRoot+"/"+path)) {
			return
		}
	}
}

// list makes children: what the profile names, and all others.
func (f *fill) list() map[string][]Entry {
	named := f.tree.plain
	children := map[string][]Entry{}
	add := func(name string) {
		if node := f.tree.Lookup(name); node != nil {
			dir := parentOf(name)
			children[dir] = append(children[dir], Entry{Name: name[strings.LastIndexByte(name, '/')+1:], Node: node})
		}
	}
	for dir, entries := range named.children {
		if sysctlFolders()[dir] || dir == "/" {
			children[dir] = slices.Clone(entries)
		}
	}
	for path := range allSysctls() {
		if name := sysctlRoot + "/" + path; named.nodes[name] == nil && f.has(path) {
			add(name)
		}
	}
	for dir := range sysctlFolders() {
		if named.nodes[dir] == nil {
			add(dir)
		}
	}
	for _, entries := range children {
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	}
	return children
}

// conflict names a file of the profile that stands where sysctls need a
// directory, or below one of them. Those that shimrun knows do not stand in each
// other's way.
func (f *fill) conflict() (name, above string) {
	for path, lie := range f.tree.profile.Sysctls {
		if lie.Type == "" || lie.Passthrough {
			continue
		}
		name := sysctlRoot + "/" + path
		if sysctlFolders()[name] {
			return name + "/…", name
		}
		if path, ok := strings.CutPrefix(parentOf(name), sysctlRoot+"/"); ok && f.has(path) {
			return name, parentOf(name)
		}
	}
	for _, name := range []string{"/proc", sysctlRoot} {
		if node := f.tree.plain.nodes[name]; node != nil && !node.Mode.IsDir() {
			return name + "/…", name
		}
	}
	return "", ""
}
