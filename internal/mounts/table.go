package mounts

import (
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A Table is one mount namespace. It is safe for concurrent use; readers never wait.
type Table struct {
	mu  sync.Mutex
	now atomic.Pointer[state]
	// last are the numbers given last.
	lastID, lastGroup int
	lastMinor         uint32
}

// state is the table between two changes, immutable.
type state struct {
	mounts   []*Mount
	children map[place]*Mount
	root     *Mount
	// told are the kernel's mounts of which something else is told, by number.
	told map[int]*Mount
	// What a caller on a hot path wants to know first.
	virtual, redirects, readOnly, tmpfs bool
}

// place is where a mount stands: on which mount, under which name.
type place struct {
	parent int
	point  string
}

// firstMinor is where the device numbers of new filesystems start, far from
// those that the kernel gives to its own, which it counts from 1.
const firstMinor = 0x8000

// farID is how far the numbers of mounts are from the kernel's, and from those
// that profiles give to mounts of their own, which follow the kernel's by a thousand.
const farID = 10000

// New begins with the kernel's mounts, as a mountinfo file lists them.
func New(mountinfo []byte) *Table {
	t := &Table{lastMinor: firstMinor}
	kernel := parse(mountinfo)
	for _, m := range kernel {
		t.lastID = max(t.lastID, m.ID)
		t.lastGroup = max(t.lastGroup, m.Group, m.Master)
	}
	t.lastID += farID
	t.set(kernel)
	return t
}

// Refresh takes over the kernel's mounts as they are now: new ones are added,
// those that are gone go with all that was mounted on them.
func (t *Table) Refresh(mountinfo []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.now.Load()
	kernel := parse(mountinfo)
	var all []*Mount
	byID := make(map[int]*Mount, len(kernel))
	add := func(m *Mount) {
		all = append(all, m)
		byID[m.ID] = m
	}
	for _, m := range kernel {
		if o := old.told[m.ID]; o != nil && o.Point == m.Point {
			m = o
		}
		add(m)
	}
	for _, m := range old.mounts {
		if m.Kernel {
			continue
		}
		// Its parent stands before it.
		if o := byID[m.Parent]; o != nil && Within(m.Point, o.Point) {
			add(m)
		}
	}
	t.set(all)
}

func (t *Table) set(mounts []*Mount) {
	s := &state{mounts: mounts, children: make(map[place]*Mount, len(mounts))}
	byID := map[int]bool{}
	for _, m := range mounts {
		byID[m.ID] = true
	}
	for _, m := range mounts {
		switch {
		case m.Kernel && m.Point == "/" && (m.Parent == m.ID || !byID[m.Parent]):
			s.root = m
		default:
			s.children[place{m.Parent, m.Point}] = m
		}
		if m.Kernel && m.changed {
			if s.told == nil {
				s.told = map[int]*Mount{}
			}
			s.told[m.ID] = m
		}
		s.virtual = s.virtual || !m.Kernel
		s.tmpfs = s.tmpfs || m.Super.Tmpfs != nil
		s.redirects = s.redirects || m.Redirects()
		s.readOnly = s.readOnly || (!m.Kernel || m.changed) && m.ReadOnly()
	}
	if s.root == nil {
		s.root = &Mount{Point: "/", Root: "/", Backing: "/", Kernel: true, Super: &Super{}}
	}
	t.now.Store(s)
}

// change makes a new state of a copy of the list.
func (t *Table) change(edit func(mounts []*Mount) []*Mount) {
	t.set(edit(slices.Clone(t.now.Load().mounts)))
}

// replace puts a mount in the place of the one with its number.
func replace(mounts []*Mount, m *Mount) []*Mount {
	for i, o := range mounts {
		if o.ID == m.ID {
			mounts[i] = m
		}
	}
	return mounts
}

// Virtual tells whether there is any mount that the kernel does not have,
// Redirects whether one leads names elsewhere, and ReadOnly whether one must
// refuse writes that the kernel would let pass. HasTmpfs tells whether a tmpfs is
// among the mounts. One load each.
func (t *Table) Virtual() bool   { return t.now.Load().virtual }
func (t *Table) Redirects() bool { return t.now.Load().redirects }
func (t *Table) ReadOnly() bool  { return t.now.Load().readOnly }
func (t *Table) HasTmpfs() bool  { return t.now.Load().tmpfs }

// Mounts are all mounts, in the order in which they were made.
func (t *Table) Mounts() []*Mount { return t.now.Load().mounts }

// Find gives the mount that a clean, absolute name without links is on, and
// where that name really lies.
func (t *Table) Find(name string) (m *Mount, real string) {
	m = t.now.Load().find(name)
	return m, m.real(name)
}

// At gives the uppermost mount at a mount point, nil for any other name.
func (t *Table) At(name string) *Mount {
	if m := t.now.Load().find(name); m.Point == name {
		return m
	}
	return nil
}

// Holder gives the tmpfs in which a name of the kernel's lies, nil for none:
// whatever way led there.
func (t *Table) Holder(real string) *Mount {
	var holder *Mount
	for _, m := range t.now.Load().mounts {
		if m.Super.Tmpfs != nil && Within(real, m.Super.Backing) &&
			(holder == nil || len(m.Super.Backing) > len(holder.Super.Backing)) {
			holder = m
		}
	}
	return holder
}

// Shown gives the name that programs know for one of the kernel's that lies in
// the folder behind a tmpfs, which nobody is to see.
func (t *Table) Shown(real string) (name string, ok bool) {
	for _, m := range t.now.Load().mounts {
		if m.Super.Tmpfs != nil && m.Redirects() && Within(real, m.Backing) {
			return join(m.Point, below(real, m.Backing)), true
		}
	}
	return "", false
}

// find goes down from the root: on each mount the next one that stands on the
// way, so that what a later mount has covered is not found.
func (s *state) find(name string) *Mount {
	m := s.top(s.root, "/")
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' || i == 1 && len(name) == 1 {
			continue
		}
		m = s.top(m, name[:i])
	}
	return m
}

// top is the uppermost of the mounts that are stacked at a point of m.
func (s *state) top(m *Mount, point string) *Mount {
	for range s.mounts { // no circle can hold it
		above := s.children[place{m.ID, point}]
		if above == nil {
			break
		}
		m = above
	}
	return m
}

// subtree lists the mounts that stand on m at or below a name, parents first.
func (s *state) subtree(m *Mount, dir string) []*Mount {
	all := []*Mount{m}
	for i := 0; i < len(all); i++ {
		for _, c := range s.mounts {
			if c.Parent == all[i].ID && Within(c.Point, dir) && !slices.Contains(all, c) {
				all = append(all, c)
			}
		}
	}
	return all[1:]
}

// mountFlags are the flags of mount(2) that belong to a mount.
const mountFlags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC |
	unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME | nosymfollow

const nosymfollow = 0x100 // MS_NOSYMFOLLOW, linux/mount.h

// perMount are the flags that a new mount gets for those of mount(2)
// (path_mount in fs/namespace.c).
func perMount(flags uintptr) uintptr {
	m := flags & mountFlags
	if flags&unix.MS_NOATIME == 0 {
		m |= unix.MS_RELATIME
	}
	if flags&unix.MS_STRICTATIME != 0 {
		m &^= unix.MS_RELATIME | unix.MS_NOATIME
	}
	if m&unix.MS_NOATIME != 0 {
		m &^= unix.MS_RELATIME
	}
	return m
}
