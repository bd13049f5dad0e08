package fakefs

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
)

// lies are the filesystem lies of a profile, by what identifies a mount.
type lies struct {
	byType  map[string]*FilesystemLie
	byMagic map[int64]*FilesystemLie
}

func newLies(all map[string]FilesystemLie) *lies {
	l := &lies{byType: map[string]*FilesystemLie{}, byMagic: map[int64]*FilesystemLie{}}
	// ext2, ext3 and ext4 have one magic number, of which statfs tells the youngest's lie.
	for _, typ := range slices.Sorted(maps.Keys(all)) {
		lie := all[typ]
		l.byType[typ] = &lie
		l.byMagic[lie.Magic] = &lie
	}
	return l
}

// mount is one line of mountinfo (proc_pid_mountinfo(5)); its fields are parts
// of the line, with the kernel's octal escapes still in them.
type mount struct {
	// head is everything before the lone hyphen, its space included.
	head []byte
	// major and minor are the st_dev of files on the mount.
	major, minor uint32
	point        []byte
	flags        []byte // the mount's own options
	typ          []byte
	source       []byte
	options      []byte // the super block's
}

// parseMount splits a line, without its newline. It bears more than one space
// between fields, as old gVisor writes, and reports whether the line has the form.
func parseMount(line []byte) (mount, bool) {
	var m mount
	at := bytes.Index(line, []byte(" - "))
	if at < 0 {
		return m, false
	}
	m.head = line[:at+1]
	rest := line[at+3:]
	var ok bool
	if m.typ, rest, ok = bytes.Cut(rest, []byte(" ")); !ok || len(m.typ) == 0 {
		return m, false
	}
	if m.source, m.options, ok = bytes.Cut(rest, []byte(" ")); !ok {
		return m, false
	}
	fields := m.head
	for i := range 6 {
		fields = bytes.TrimLeft(fields, " ")
		var field []byte
		if field, fields, ok = bytes.Cut(fields, []byte(" ")); !ok {
			return m, false
		}
		switch i {
		case 2:
			if m.major, m.minor, ok = parseDevice(field); !ok {
				return m, false
			}
		case 4:
			m.point = field
		case 5:
			m.flags = field
		}
	}
	return m, true
}

// parseDevice reads "major:minor".
func parseDevice(field []byte) (major, minor uint32, ok bool) {
	a, b, ok := bytes.Cut(field, []byte(":"))
	if !ok {
		return 0, 0, false
	}
	major, okA := parseUint32(a)
	minor, okB := parseUint32(b)
	return major, minor, okA && okB
}

// parseUint32 is strconv.ParseUint for bytes: no signs, no allocation.
func parseUint32(digits []byte) (uint32, bool) {
	if len(digits) == 0 || len(digits) > 10 {
		return 0, false
	}
	var n uint64
	for _, c := range digits {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return uint32(n), n <= 1<<32-1
}

// lie is what is told about a mount, nil for the truth.
func (l *lies) lie(m *mount) *FilesystemLie { return l.byType[string(m.typ)] }

// appendSource appends the told source of a mount: one name for each device
// number, which stat(2) of any file on the mount gives too. A block device
// that really exists keeps its name.
func appendSource(dst []byte, lie *FilesystemLie, m *mount) []byte {
	if m.major != 0 && bytes.HasPrefix(m.source, []byte("/dev/")) {
		return append(dst, m.source...)
	}
	return appendDeviceName(append(dst, lie.Report.Source...), m.major, m.minor)
}

// appendDeviceName appends the number that makes a device's name its own.
func appendDeviceName(dst []byte, major, minor uint32) []byte {
	if major != 0 {
		dst = append(strconv.AppendUint(dst, uint64(major), 10), '_')
	}
	return strconv.AppendUint(dst, uint64(minor), 10)
}

// plainOptions are the mount options that any filesystem may show; the others
// (trans=fd, rfdno=…) would give a lie away.
var plainOptions = map[string]bool{
	"rw": true, "ro": true, "nosuid": true, "nodev": true, "noexec": true, "nosymfollow": true,
	"sync": true, "dirsync": true, "mand": true, "lazytime": true,
	"noatime": true, "nodiratime": true, "relatime": true, "strictatime": true,
}

// appendOptions appends those options that are plain, and relatime, the
// default, where neither they nor the mount's flags speak of access times.
func appendOptions(dst, options, flags []byte) []byte {
	start := len(dst)
	atime := bytes.Contains(flags, []byte("atime"))
	for len(options) > 0 {
		var option []byte
		option, options, _ = bytes.Cut(options, []byte(","))
		if !plainOptions[string(option)] {
			continue
		}
		atime = atime || bytes.HasSuffix(option, []byte("atime"))
		if len(dst) > start {
			dst = append(dst, ',')
		}
		dst = append(dst, option...)
	}
	if len(dst) == start {
		dst = append(dst, "rw"...)
	}
	if !atime {
		dst = append(dst, ",relatime"...)
	}
	return dst
}

// eachLine calls visit for every line, without its newline, and tells whether
// it had one.
func eachLine(data []byte, visit func(line []byte, ended bool)) {
	for len(data) > 0 {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			visit(data, false)
			return
		}
		visit(data[:i], true)
		data = data[i+1:]
	}
}
