package mounts

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Bind mounts what is at source at target too (mount(2), "Creating a bind
// mount"): both exist, are clean, absolute and without links, and are of one
// kind, directory or not. Of the flags only MS_REC counts.
func (t *Table) Bind(source, target string, flags uintptr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now.Load()
	from := s.find(source)
	if from.Unbindable {
		return unix.EINVAL
	}
	first := *from
	first.Root, first.Point, first.Backing = from.within(source), target, from.real(source)
	t.begin(&first)
	tree := []*Mount{&first}
	if flags&unix.MS_REC != 0 {
		numbers := map[int]int{from.ID: first.ID}
		for _, m := range s.subtree(from, source) {
			parent, ok := numbers[m.Parent]
			if m.Unbindable || !ok || m.Point == source && m.Parent == from.ID {
				continue // unbindable ones are left out, with all that stands on them
			}
			c := *m
			c.Backing = m.real(m.Point)
			c.Point = join(target, below(m.Point, source))
			t.begin(&c)
			c.Parent = parent
			numbers[m.ID] = c.ID
			tree = append(tree, &c)
		}
	}
	t.attach(target, tree)
	return nil
}

// Tmpfs mounts an empty tmpfs at target. Its files are those at backing, which
// is target itself where that was an empty folder.
func (t *Table) Tmpfs(target, source, backing string, flags uintptr, o Tmpfs) *Mount {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lastMinor++
	o.Shown = t.shows64()
	m := &Mount{Root: "/", Point: target, Backing: backing, Flags: perMount(flags), Super: &Super{
		Minor: t.lastMinor, Type: "tmpfs", Source: source, Options: o.String(), Tmpfs: &o, Backing: backing,
		ReadOnly: flags&unix.MS_RDONLY != 0 || o.ReadOnly,
	}}
	t.begin(m)
	t.attach(target, []*Mount{m})
	return m
}

// shows64 tells whether this kernel shows "inode64" for a tmpfs.
func (t *Table) shows64() bool {
	return slices.ContainsFunc(t.now.Load().mounts, func(m *Mount) bool {
		return m.Kernel && m.Super.Type == "tmpfs" && hasOption(m.Super.Options, "inode64")
	})
}

// begin makes a copy a mount of its own.
func (t *Table) begin(m *Mount) {
	t.lastID++
	m.ID, m.Kernel, m.changed, m.Expiring = t.lastID, false, false, false
}

// attach adds a tree, its first mount at target, and where the mount below is
// shared, a copy wherever that propagates (Documentation/filesystems/sharedsubtree.rst).
func (t *Table) attach(target string, tree []*Mount) {
	s := t.now.Load()
	below := s.find(target)
	tree[0].Parent = below.ID
	if below.Group != 0 {
		for _, m := range tree {
			if m.Group == 0 {
				t.lastGroup++
				m.Group = t.lastGroup
			}
		}
	}
	all := slices.Clone(tree)
	for _, r := range s.receivers(below, target) {
		numbers := map[int]int{}
		for i, m := range tree {
			c := *m
			t.begin(&c)
			numbers[m.ID] = c.ID
			c.Point = join(r.point, m.Point[len(target):])
			if c.Parent = numbers[m.Parent]; i == 0 {
				c.Parent = s.top(r.mount, r.point).ID
			}
			if r.slave {
				c.Master, c.Group = m.Group, 0
				if r.mount.Group != 0 {
					t.lastGroup++
					c.Group = t.lastGroup
				}
			}
			all = append(all, &c)
		}
	}
	t.change(func(mounts []*Mount) []*Mount { return append(mounts, all...) })
}

// receiver is a mount that receives what happens on another one, and where.
type receiver struct {
	mount *Mount
	point string
	slave bool
}

// receivers lists the peers of a mount and the slaves of its group, theirs
// included, in which the name's place is to be seen.
func (s *state) receivers(m *Mount, name string) []receiver {
	if m.Group == 0 {
		return nil
	}
	var all []receiver
	groups := map[int]bool{m.Group: true}
	for grown := true; grown; {
		grown = false
		for _, o := range s.mounts {
			if groups[o.Master] && o.Master != 0 && o.Group != 0 && !groups[o.Group] {
				groups[o.Group], grown = true, true
			}
		}
	}
	place := m.within(name)
	for _, o := range s.mounts {
		peer := groups[o.Group] && o.Group != 0
		slave := groups[o.Master] && o.Master != 0 && o.Group != m.Group
		if o == m || !peer && !slave || !Within(place, o.Root) {
			continue
		}
		all = append(all, receiver{o, join(o.Point, below(place, o.Root)), o.Group != m.Group})
	}
	return all
}

// Remount changes the flags of the mount at target and, without MS_BIND, its
// filesystem's options; used is how many bytes a tmpfs holds.
func (t *Table) Remount(target string, flags uintptr, data string, ram, used uint64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now.Load()
	m := *s.find(target)
	if m.Point != target {
		return unix.EINVAL
	}
	const times = unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME | unix.MS_STRICTATIME
	old := m.Flags
	m.Flags, m.changed = perMount(flags), m.Kernel
	if flags&times == 0 {
		// "an MS_REMOUNT without them keeps the access time settings" (mount(2))
		const kept = unix.MS_NOATIME | unix.MS_NODIRATIME | unix.MS_RELATIME
		m.Flags = m.Flags&^kept | old&kept
	}
	super := *m.Super
	if flags&unix.MS_BIND == 0 {
		if super.Tmpfs != nil {
			o, err := super.Tmpfs.with(data, ram, used)
			if err != nil {
				return err
			}
			super.Tmpfs, super.Options = &o, o.String()
		}
		super.ReadOnly = flags&unix.MS_RDONLY != 0
	}
	was := m.Super
	t.change(func(mounts []*Mount) []*Mount {
		for i, o := range mounts {
			if o.Super == was && super != *was {
				c := *o
				c.Super, c.changed = &super, c.Kernel
				mounts[i] = &c
			}
		}
		if super != *was {
			m.Super = &super
		}
		return replace(mounts, &m)
	})
	return nil
}

const propagation = unix.MS_SHARED | unix.MS_PRIVATE | unix.MS_SLAVE | unix.MS_UNBINDABLE

// Propagate changes how the mount at target propagates, and with MS_REC those
// below it (do_change_type in fs/namespace.c).
func (t *Table) Propagate(target string, flags uintptr) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.now.Load()
	m := s.find(target)
	kind := flags &^ (unix.MS_REC | unix.MS_SILENT)
	if m.Point != target || kind&^propagation != 0 || kind == 0 || kind&(kind-1) != 0 {
		return unix.EINVAL
	}
	all := []*Mount{m}
	if flags&unix.MS_REC != 0 {
		all = append(all, s.subtree(m, target)...)
	}
	t.change(func(mounts []*Mount) []*Mount {
		for _, old := range all {
			c := *old
			c.changed = c.Kernel
			switch kind {
			case unix.MS_SHARED:
				if c.Group == 0 {
					t.lastGroup++
					c.Group = t.lastGroup
				}
				c.Unbindable = false
			case unix.MS_SLAVE:
				// A group of one has nobody to be the slave of.
				if peers := countGroup(mounts, c.Group); c.Group != 0 && peers > 1 {
					c.Master = c.Group
				}
				c.Group = 0
			default:
				c.Group, c.Master, c.Unbindable = 0, 0, kind == unix.MS_UNBINDABLE
			}
			mounts = replace(mounts, &c)
			orphan(mounts)
		}
		return mounts
	})
	return nil
}

func countGroup(mounts []*Mount, group int) (n int) {
	for _, m := range mounts {
		if m.Group == group {
			n++
		}
	}
	return n
}

// orphan frees the slaves of groups that have no member any more.
func orphan(mounts []*Mount) {
	for i, m := range mounts {
		if m.Master != 0 && countGroup(mounts, m.Master) == 0 {
			c := *m
			c.Master, c.changed = 0, c.Kernel
			mounts[i] = &c
		}
	}
}
