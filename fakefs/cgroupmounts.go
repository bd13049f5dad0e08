package fakefs

import (
	"bytes"

	"golang.org/x/sys/unix"
)

// mount gives each hierarchy its mount, with numbers that the kernel is far from.
func (c *cgroups) mount(mountinfo []byte, top bool) {
	const far = 1000
	id, minor := 0, uint32(0)
	eachLine(mountinfo, func(line []byte, _ bool) {
		if m, ok := parseMount(line); ok {
			id = max(id, m.id())
			if m.major == 0 {
				minor = max(minor, m.minor)
			}
		}
	})
	id, minor = id+far, minor+far
	next := func(f Filesystem) *Filesystem {
		f.MountID, f.Dev, f.Magic = id, unix.Mkdev(0, minor), magics[f.Type]
		id, minor = id+1, minor+1
		return &f
	}
	if c.unified() {
		c.mounts = append(c.mounts, next(Filesystem{
			Type: "cgroup2", Source: "cgroup2", Point: c.root,
			Flags: "rw,nosuid,nodev,noexec,relatime", Options: "rw,nsdelegate",
		}))
		return
	}
	if top {
		c.top = next(Filesystem{
			Type: "tmpfs", Source: "tmpfs", Point: c.root, ReadOnly: true,
			Flags: "ro,nosuid,nodev,noexec,relatime", Options: "ro,mode=755",
		})
	}
	for _, h := range c.All() {
		c.mounts = append(c.mounts, next(Filesystem{
			Type: "cgroup", Source: "cgroup", Point: c.root + "/" + h.Controller,
			Flags: "rw,nosuid,nodev,noexec,relatime", Options: "rw," + h.Controller,
		}))
	}
}

// id is a mount's number, the first field of its line.
func (m *mount) id() int {
	field, _, _ := bytes.Cut(bytes.TrimLeft(m.head, " "), []byte(" "))
	n, _ := parseUint32(field)
	return int(n)
}

// appendMounts appends what is served to one of a process's tables of mounts:
// kind is the table's name, mountinfo what the kernel says of the process's
// mounts. A process that does not see the folder that they stand in gets none.
func (c *cgroups) appendMounts(dst []byte, kind string, mountinfo []byte) []byte {
	if c == nil {
		return dst
	}
	parent := holder(mountinfo, c.root)
	if parent == 0 {
		return dst
	}
	mounts := c.mounts
	if c.top != nil {
		mounts = append([]*Filesystem{c.top}, mounts...)
	}
	for _, f := range mounts {
		switch kind {
		case "mountinfo":
			dst = f.appendMountinfo(dst, parent)
			if f == c.top {
				parent = f.MountID
			}
		case "mounts":
			dst = f.appendMounts(dst)
		case "mountstats":
			dst = f.appendMountstats(dst)
		}
	}
	return dst
}

// uncovered leaves out of one of a process's tables the mounts that a unified
// hierarchy stands before, with all below them.
func (c *cgroups) uncovered(kind string, table []byte) []byte {
	if c == nil || !c.unified() {
		return table
	}
	out := make([]byte, 0, len(table)+spare)
	eachLine(table, func(line []byte, ended bool) {
		var point []byte
		switch kind {
		case "mountinfo":
			m, _ := parseMount(line)
			point = m.point
		case "mounts":
			if f := bytes.Fields(line); len(f) > 1 {
				point = f[1]
			}
		case "mountstats":
			_, rest, _ := bytes.Cut(line, []byte(" mounted on "))
			point, _, _ = bytes.Cut(rest, []byte(" "))
		}
		if isWithin(string(point), c.root) {
			return
		}
		if out = append(out, line...); ended {
			out = append(out, '\n')
		}
	})
	return out
}

// holder is the number of the mount that a name lies on, 0 for none.
func holder(mountinfo []byte, name string) (id int) {
	longest := -1
	eachLine(mountinfo, func(line []byte, _ bool) {
		m, ok := parseMount(line)
		if ok && isWithin(name, string(m.point)) && len(m.point) >= longest {
			id, longest = m.id(), len(m.point)
		}
	})
	return id
}

// appendFilesystems appends the types that have to be known where these are served.
func (c *cgroups) appendFilesystems(dst, filesystems []byte) []byte {
	if c == nil {
		return dst
	}
	types := []string{"tmpfs", "cgroup"}
	if c.unified() {
		types = []string{"tmpfs", "cgroup2"}
	}
	for _, typ := range types {
		if !hasFilesystem(filesystems, typ) {
			dst = append(append(append(dst, "nodev\t"...), typ...), '\n')
		}
	}
	return dst
}
