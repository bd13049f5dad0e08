package fakefs

import (
	"io/fs"
	"maps"
	"slices"
	"strings"
)

// index is a set of nodes with plain names, with the directories above them.
type index struct {
	nodes    map[string]*Node
	children map[string][]Entry
}

// newIndex takes nodes by name, and adds the directories that are implied.
func newIndex(named map[string]*Node) index {
	x := index{nodes: make(map[string]*Node, 2*len(named)), children: map[string][]Entry{}}
	for _, name := range slices.Sorted(maps.Keys(named)) {
		x.nodes[name] = named[name]
		for dir := parentOf(name); dir != "/" && x.nodes[dir] == nil && named[dir] == nil; dir = parentOf(dir) {
			x.nodes[dir] = &Node{Name: dir, Mode: fs.ModeDir | 0o555, Implied: true, Ino: inode(dir), Lie: named[name].Lie}
		}
	}
	for name, node := range x.nodes {
		dir := parentOf(name)
		x.children[dir] = append(x.children[dir], Entry{Name: name[strings.LastIndexByte(name, '/')+1:], Node: node})
	}
	for _, entries := range x.children {
		slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	}
	return x
}

// inode is a number that a name always gets: FNV-1a, cut to 52 bits because
// some programs keep inode numbers in floats.
func inode(name string) uint64 {
	const offset, prime = 14695981039346656037, 1099511628211
	h := uint64(offset)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * prime
	}
	return h>>12 | 1<<51
}
