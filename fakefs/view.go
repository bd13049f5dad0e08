package fakefs

// View is how a served file looks at the machine: through the eyes of the
// process that opens it. The shim implements it with the tracee's own root,
// pid and namespaces; tests with a map.
type View interface {
	// Real is what the real file behind the node's own name says to this
	// reader; an error that is fs.ErrNotExist where the kernel has none.
	Real() ([]byte, error)

	// ReadFile reads another real file. "/proc/self/…" is the reader's own.
	ReadFile(name string) ([]byte, error)

	// Statfs asks the real kernel about the filesystem that holds name.
	Statfs(name string) (Statfs, error)
}

// NamedView is a view of readers that may have names of their own for the machine.
type NamedView interface {
	HostName() (host, domain string)
}

// Statfs is the part of struct statfs that generators need: f_type as in
// linux/magic.h, sizes in blocks of Bsize bytes.
type Statfs struct {
	Type                  int64
	Bsize                 int64
	Blocks, Bfree, Bavail uint64
}
