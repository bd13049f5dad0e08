package fakefs

import (
	"bytes"
	"io"
	"io/fs"
	"path"
	"time"
)

// FS is what the tree serves as an io/fs file system with the root /: plain
// names only, and device nodes as the bytes that can be read from them now. It
// is for listings, tests and tools, not for the shim.
func (t *Tree) FS(v View) fs.FS { return treeFS{t, v} }

type treeFS struct {
	tree *Tree
	view View
}

// namedView gives Real a meaning for a node that is opened by name.
type namedView struct {
	View
	name string
}

func (v namedView) Real() ([]byte, error) { return v.ReadFile(v.name) }

var rootNode = &Node{Name: "/", Mode: fs.ModeDir | 0o555, Implied: true, Ino: 1}

// find is the node of an io/fs name.
func (f treeFS) find(op, name string) (*Node, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	if name == "." {
		return rootNode, nil
	}
	node := f.tree.Lookup("/" + name)
	if node == nil || node.Pattern != "" || node.WhenPresent {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrNotExist}
	}
	return node, nil
}

// Open implements fs.FS. Symbolic links are followed within the tree.
func (f treeFS) Open(name string) (fs.File, error) {
	node, err := f.follow(name, 40)
	if err != nil {
		return nil, err
	}
	info := fileInfo{node: node}
	if node.Mode.IsDir() {
		return &openDir{info: info, entries: f.entries(node)}, nil
	}
	var data []byte
	switch {
	case node.Content != nil:
		data, err = node.Content.Read(namedView{f.view, node.Name})
	case node.Stream == "kmsg":
		records, _ := f.tree.kmsg.Records(0)
		data = bytes.Join(records, nil)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &openFile{info: info, Reader: bytes.NewReader(data)}, nil
}

// follow resolves symbolic links in every component.
func (f treeFS) follow(name string, links int) (*Node, error) {
	node, err := f.find("open", name)
	if err != nil {
		return nil, err
	}
	if node.Mode.Type() != fs.ModeSymlink {
		return node, nil
	}
	target := path.Join(path.Dir(node.Name), node.Target)
	if path.IsAbs(node.Target) {
		target = node.Target
	}
	if links == 0 || target == "/" {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	return f.follow(path.Clean(target)[1:], links-1)
}

func (f treeFS) entries(dir *Node) []fs.DirEntry {
	var entries []fs.DirEntry
	for _, e := range f.tree.Children(dir.Name) {
		if e.Node.Pattern == "" && !e.Node.WhenPresent {
			entries = append(entries, fs.FileInfoToDirEntry(fileInfo{node: e.Node}))
		}
	}
	return entries
}

// Lstat and ReadLink implement fs.ReadLinkFS.
func (f treeFS) Lstat(name string) (fs.FileInfo, error) {
	node, err := f.find("lstat", name)
	if err != nil {
		return nil, err
	}
	return fileInfo{node: node}, nil
}

func (f treeFS) ReadLink(name string) (string, error) {
	node, err := f.find("readlink", name)
	if err != nil {
		return "", err
	}
	if node.Mode.Type() != fs.ModeSymlink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	return node.Target, nil
}

// fileInfo tells size 0, as procfs does.
type fileInfo struct{ node *Node }

func (i fileInfo) Name() string {
	if i.node == rootNode {
		return "."
	}
	return path.Base(i.node.Name)
}
func (i fileInfo) Size() int64        { return 0 }
func (i fileInfo) Mode() fs.FileMode  { return i.node.Mode }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return i.node.Mode.IsDir() }
func (i fileInfo) Sys() any           { return i.node }

type openFile struct {
	info fileInfo
	*bytes.Reader
}

func (f *openFile) Stat() (fs.FileInfo, error) { return f.info, nil }
func (f *openFile) Close() error               { return nil }

type openDir struct {
	info    fileInfo
	entries []fs.DirEntry
}

func (d *openDir) Stat() (fs.FileInfo, error) { return d.info, nil }
func (d *openDir) Close() error               { return nil }
func (d *openDir) Read([]byte) (int, error) {
	return 0, &fs.PathError{Op: "read", Path: d.info.Name(), Err: fs.ErrInvalid}
}

// ReadDir implements fs.ReadDirFile.
func (d *openDir) ReadDir(n int) ([]fs.DirEntry, error) {
	count := len(d.entries)
	if n > 0 {
		count = min(n, count)
		if count == 0 {
			return nil, io.EOF
		}
	}
	out := d.entries[:count:count]
	d.entries = d.entries[count:]
	return out, nil
}
