package fakefs

// Entry is one name in a served directory.
type Entry struct {
	Name string
	Node *Node
}

// Tree is everything that a profile serves, ready to be asked.
// It is safe for concurrent use.
type Tree struct{}

// Lookup returns the node that is served under name (absolute, clean), or nil.
func (t *Tree) Lookup(name string) *Node { return nil }

// Children lists the names that the tree serves directly below a directory,
// sorted by name; patterns included.
func (t *Tree) Children(dir string) []Entry { return nil }
