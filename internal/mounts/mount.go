package mounts

import (
	"strings"

	"golang.org/x/sys/unix"
)

// A Mount is one mount, immutable.
type Mount struct {
	ID, Parent int
	// Root is the part of its filesystem that is mounted, Point where, as a
	// process with the common root names it.
	Root, Point string
	// Backing is the name under which the kernel has what is mounted.
	Backing string
	// Kernel marks a mount that the kernel made; only its flags and its
	// propagation can be told differently.
	Kernel bool
	// Flags are those of mount(2) that belong to the mount: MS_RDONLY,
	// MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOATIME, MS_NODIRATIME, MS_RELATIME.
	Flags uintptr
	// Group is the peer group, Master that from which it receives; 0 for none.
	Group, Master int
	Unbindable    bool
	// Expiring is set by the first umount2 with MNT_EXPIRE.
	Expiring bool
	Super    *Super

	changed bool // a mount of the kernel's of which something else is told now
}

// Super is the filesystem behind one or more mounts, immutable.
type Super struct {
	Major, Minor uint32
	Type, Source string
	// Options are the filesystem's own, without "rw" and "ro".
	Options  string
	ReadOnly bool
	// Tmpfs is nil for the kernel's filesystems.
	Tmpfs *Tmpfs
	// Backing is where a tmpfs keeps its files.
	Backing string
}

// Dev is the device number that stat(2) of files on the mount gives.
func (m *Mount) Dev() uint64 { return unix.Mkdev(m.Super.Major, m.Super.Minor) }

// Changed tells whether of a mount of the kernel's something else is told.
func (m *Mount) Changed() bool { return m.changed }

// ReadOnly tells whether nothing may be written through the mount.
func (m *Mount) ReadOnly() bool { return m.Flags&unix.MS_RDONLY != 0 || m.Super.ReadOnly }

// Redirects tells whether names on the mount lead to other names.
func (m *Mount) Redirects() bool { return !m.Kernel && m.Backing != m.Point }

// real is where a name on the mount really lies.
func (m *Mount) real(name string) string {
	if m.Kernel || m.Backing == m.Point {
		return name
	}
	return join(m.Backing, below(name, m.Point))
}

// within is where a name on the mount lies in its filesystem.
func (m *Mount) within(name string) string { return join(m.Root, below(name, m.Point)) }

// Within tells whether a clean name is dir or lies below it.
func Within(name, dir string) bool {
	return dir == "/" || strings.HasPrefix(name, dir) && (len(name) == len(dir) || name[len(dir)] == '/')
}

// below is the rest of a name after a directory that it lies in: "" or "/…".
func below(name, dir string) string {
	if dir == "/" {
		if name == "/" {
			return ""
		}
		return name
	}
	return name[len(dir):]
}

func join(dir, rest string) string {
	if dir == "/" && rest != "" {
		return rest
	}
	return dir + rest
}
