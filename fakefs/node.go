package fakefs

import (
	"io/fs"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// A Node is one name that a profile serves. Nodes are immutable but for the
// values of sysctls, which live behind Content and are safe for concurrent use.
type Node struct {
	// Name is absolute and clean, as a process with an ordinary root sees it.
	// A node from a pattern bears the name that matched.
	Name string
	// Mode holds the file's type (regular, fs.ModeDir, fs.ModeSymlink,
	// fs.ModeDevice, fs.ModeDevice|fs.ModeCharDevice) and permission bits.
	Mode fs.FileMode
	// UID and GID own the file; 0 for nearly everything below /proc and /sys.
	UID, GID uint32
	// Rdev is the device number of a device node, as unix.Mkdev makes it.
	Rdev uint64
	// Ino is a stable inode number, unique within a Tree.
	Ino uint64
	// Target is a symbolic link's text.
	Target string
	// WhenMissing serves the node only where the kernel has no such file; else
	// it stands before the kernel's file.
	WhenMissing bool
	// WhenPresent changes a file that the kernel has, and serves none where it
	// has none: whether the name exists, and what stat(2) says of it, is the
	// kernel's to tell. [Tree.Children] leaves such names out.
	WhenPresent bool
	// Pattern is the pattern that the name matched, "" for a plain name. A node
	// from a pattern exists only where its directory does.
	Pattern string
	// Implied marks a directory that no profile names: it is there because
	// something beneath it is.
	Implied bool
	// Content reads and writes a regular file; nil for other types.
	Content Content
	// Stream is set for nodes that are not files with an end but flows of
	// records, such as /dev/kmsg ("kmsg"); Content is nil then.
	Stream string
	// On is the served filesystem that the node is on, nil where it stands in
	// one of the kernel's. The node that the filesystem is mounted on stands
	// before the kernel's directory.
	On *Filesystem
	// Group is set for directories of cgroups: others can be made in them.
	Group *cgroup.Group
	// Object is what a node of a cgroup stands for, whose attributes can be
	// changed; nil for all others.
	Object Object
	// Program tells that the file is shimrun itself, and can be executed as that.
	Program bool
	// Lie is the name under which the profile lists this lie, for doctor, logs and statistics.
	Lie string
}

// Object is something that chmod(2) and chown(2) can change.
type Object interface {
	Stat() cgroup.Stat
	Change(func(*cgroup.Attributes))
}

// Covers tells whether the node is a mount point: whatever the kernel has under
// its name is hidden.
func (n *Node) Covers() bool { return n.On != nil && n.On.Point == n.Name }

// Content is what a served regular file says and takes.
type Content interface {
	// Read returns the whole file as the viewer would read it now.
	Read(v View) ([]byte, error)
	// Write takes what one write(2) at the given offset brought. The error is
	// a unix.Errno, as the kernel's handler for that file returns it (EINVAL,
	// EPERM, …); on success n bytes count as written, fewer than brought where
	// the kernel stops at what it has no use for. A Content that
	// cannot be written returns EACCES.
	Write(v View, data []byte, offset int64) (n int, err error)
	// Shared tells whether every reader sees the same bytes, so that one
	// backing file can serve them all, and gives a number that changes with
	// every successful Write. Not shared means: Read anew at each open.
	Shared() (version uint64, shared bool)
}
