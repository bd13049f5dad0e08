package mounts

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// flagNames are the flags of a mount as the kernel writes them, in its order
// (show_mnt_opts in fs/proc_namespace.c).
var flagNames = []struct {
	flag uintptr
	name string
}{
	{unix.MS_NOSUID, "nosuid"}, {unix.MS_NODEV, "nodev"}, {unix.MS_NOEXEC, "noexec"}, {unix.MS_NOATIME, "noatime"},
	{unix.MS_NODIRATIME, "nodiratime"}, {unix.MS_RELATIME, "relatime"}, {nosymfollow, "nosymfollow"},
}

// parse reads a mountinfo file (proc_pid_mountinfo(5)), old gVisor's with its
// two spaces as well; what has another form is left out.
func parse(mountinfo []byte) []*Mount {
	var all []*Mount
	seen := map[int]bool{}
	for line := range bytes.Lines(mountinfo) {
		if m := parseLine(string(line)); m != nil && !seen[m.ID] {
			seen[m.ID] = true
			all = append(all, m)
		}
	}
	return all
}

func parseLine(line string) *Mount {
	left, right, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " - ")
	f, g := strings.Fields(left), strings.Fields(right)
	if !ok || len(f) < 6 || len(g) < 2 {
		return nil
	}
	major, minor, _ := strings.Cut(f[2], ":")
	m := &Mount{Root: unescape(f[3]), Point: unescape(f[4]), Kernel: true, Super: &Super{Type: g[0], Source: unescape(g[1])}}
	var errs [4]error
	var a, b uint64
	m.ID, errs[0] = strconv.Atoi(f[0])
	m.Parent, errs[1] = strconv.Atoi(f[1])
	a, errs[2] = strconv.ParseUint(major, 10, 32)
	b, errs[3] = strconv.ParseUint(minor, 10, 32)
	if errs != [4]error{} || !strings.HasPrefix(m.Point, "/") || !strings.HasPrefix(m.Root, "/") {
		return nil
	}
	m.Backing = m.Point
	m.Super.Major, m.Super.Minor = uint32(a), uint32(b)
	for option := range strings.SplitSeq(f[5], ",") {
		if option == "ro" {
			m.Flags |= unix.MS_RDONLY
		}
		for _, n := range flagNames {
			if n.name == option {
				m.Flags |= n.flag
			}
		}
	}
	for _, field := range f[6:] {
		key, value, _ := strings.Cut(field, ":")
		n, _ := strconv.Atoi(value)
		switch key {
		case "shared":
			m.Group = n
		case "master":
			m.Master = n
		case "unbindable":
			m.Unbindable = true
		}
	}
	if len(g) > 2 {
		first, rest, _ := strings.Cut(g[2], ",")
		m.Super.ReadOnly, m.Super.Options = first == "ro", rest
	}
	return m
}

// AppendMountinfo appends what /proc/PID/mountinfo says: the kernel's lines,
// changed where something else is told of a mount, and then the other mounts.
// root is the reader's root directory, "/" for the common one.
func (t *Table) AppendMountinfo(dst, mountinfo []byte, root string) []byte {
	s := t.now.Load()
	for line := range bytes.Lines(mountinfo) {
		if m := s.about(line); m != nil {
			dst = m.appendMountinfo(dst, root)
		} else {
			dst = append(dst, line...)
		}
	}
	for _, m := range s.mounts {
		if !m.Kernel {
			dst = m.appendMountinfo(dst, root)
		}
	}
	return dst
}

// about is the mount of the kernel's that a line of mountinfo is about, if
// something else is told of it.
func (s *state) about(line []byte) *Mount {
	if len(s.told) == 0 {
		return nil
	}
	kernel := parseLine(string(line))
	if kernel == nil {
		return nil
	}
	m := s.told[kernel.ID]
	if m == nil {
		return nil
	}
	c := *m
	c.Point = kernel.Point // as this reader sees it
	return &c
}

// AppendMounts does the same for /proc/PID/mounts, whose lines have no numbers:
// mountinfo is that of the same reader, which lists the same mounts in the same order.
func (t *Table) AppendMounts(dst, mounts, mountinfo []byte, root string) []byte {
	s := t.now.Load()
	lines := slices.Collect(bytes.Lines(mountinfo))
	i := 0
	for line := range bytes.Lines(mounts) {
		var m *Mount
		if i < len(lines) {
			m = s.about(lines[i])
		}
		i++
		if m != nil {
			dst = m.appendMounts(dst, "/")
		} else {
			dst = append(dst, line...)
		}
	}
	for _, m := range s.mounts {
		if !m.Kernel {
			dst = m.appendMounts(dst, root)
		}
	}
	return dst
}

// AppendMountstats does the same for /proc/PID/mountstats.
func (t *Table) AppendMountstats(dst, mountstats []byte, root string) []byte {
	dst = append(dst, mountstats...)
	for _, m := range t.now.Load().mounts {
		if point, ok := seenFrom(m.Point, root); ok && !m.Kernel {
			dst = append(append(dst, "device "...), escape(m.Super.Source)...)
			dst = append(append(dst, " mounted on "...), escape(point)...)
			dst = append(append(append(dst, " with fstype "...), m.Super.Type...), '\n')
		}
	}
	return dst
}

// seenFrom is a name below a root directory as seen from there.
func seenFrom(name, root string) (string, bool) {
	if root == "/" || root == "" {
		return name, true
	}
	if !Within(name, root) {
		return "", false
	}
	return "/" + strings.TrimPrefix(below(name, root), "/"), true
}

func (m *Mount) appendMountinfo(dst []byte, root string) []byte {
	point := m.Point
	if !m.Kernel {
		var ok bool
		if point, ok = seenFrom(m.Point, root); !ok {
			return dst
		}
	}
	dst = append(strconv.AppendInt(dst, int64(m.ID), 10), ' ')
	dst = append(strconv.AppendInt(dst, int64(m.Parent), 10), ' ')
	dst = append(strconv.AppendUint(dst, uint64(m.Super.Major), 10), ':')
	dst = append(strconv.AppendUint(dst, uint64(m.Super.Minor), 10), ' ')
	dst = append(append(dst, escape(m.Root)...), ' ')
	dst = append(append(dst, escape(point)...), ' ')
	dst = m.appendFlags(dst, m.Flags&unix.MS_RDONLY != 0)
	if m.Group != 0 {
		dst = strconv.AppendInt(append(dst, " shared:"...), int64(m.Group), 10)
	}
	if m.Master != 0 {
		dst = strconv.AppendInt(append(dst, " master:"...), int64(m.Master), 10)
	}
	if m.Unbindable {
		dst = append(dst, " unbindable"...)
	}
	dst = append(append(append(dst, " - "...), m.Super.Type...), ' ')
	dst = append(append(dst, escape(m.Super.Source)...), ' ')
	dst = appendAccess(dst, m.Super.ReadOnly)
	if m.Super.Options != "" {
		dst = append(append(dst, ','), m.Super.Options...)
	}
	return append(dst, '\n')
}

func (m *Mount) appendMounts(dst []byte, root string) []byte {
	point, ok := seenFrom(m.Point, root)
	if !ok {
		return dst
	}
	dst = append(append(dst, escape(m.Super.Source)...), ' ')
	dst = append(append(dst, escape(point)...), ' ')
	dst = append(append(dst, m.Super.Type...), ' ')
	dst = m.appendFlags(dst, m.ReadOnly())
	if m.Super.Options != "" {
		dst = append(append(dst, ','), m.Super.Options...)
	}
	return append(dst, " 0 0\n"...)
}

func appendAccess(dst []byte, readOnly bool) []byte {
	if readOnly {
		return append(dst, "ro"...)
	}
	return append(dst, "rw"...)
}

func (m *Mount) appendFlags(dst []byte, readOnly bool) []byte {
	dst = appendAccess(dst, readOnly)
	for _, n := range flagNames {
		if m.Flags&n.flag != 0 {
			dst = append(append(dst, ','), n.name...)
		}
	}
	return dst
}

func hasOption(options, name string) bool {
	return slices.Contains(strings.Split(options, ","), name)
}

// escaper writes what separates fields in octal (mangle in fs/proc_namespace.c).
var (
	escaper   = strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)
	unescaper = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#")
)

func escape(s string) string   { return escaper.Replace(s) }
func unescape(s string) string { return unescaper.Replace(s) }
