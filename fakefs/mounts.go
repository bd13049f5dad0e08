package fakefs

import "bytes"

// appendMounts appends /proc/PID/mounts (fstab(5) form) as the lies would have
// it. The file has no device numbers: they come from the same process's
// mountinfo, which lists the same mounts in the same order.
func (l *lies) appendMounts(dst, mounts, mountinfo []byte) []byte {
	pending := l.pending(mountinfo)
	eachLine(mounts, func(line []byte, ended bool) {
		dst = l.appendMountsLine(dst, line, pending)
		if ended {
			dst = append(dst, '\n')
		}
	})
	return dst
}

func (l *lies) appendMountsLine(dst, line []byte, pending pending) []byte {
	source, rest, ok1 := bytes.Cut(line, []byte(" "))
	point, rest, ok2 := bytes.Cut(rest, []byte(" "))
	typ, rest, ok3 := bytes.Cut(rest, []byte(" "))
	options, rest, ok4 := bytes.Cut(rest, []byte(" "))
	lie := l.byType[string(typ)]
	if !ok1 || !ok2 || !ok3 || !ok4 || lie == nil {
		return append(dst, line...)
	}
	dst = append(appendMountSource(dst, lie, source, point, pending), ' ')
	dst = append(append(dst, point...), ' ')
	dst = append(append(dst, lie.Report.Type...), ' ')
	dst = append(appendOptions(dst, options, nil), ' ')
	return append(dst, rest...)
}

// pending are lied mounts by their mount points, those on one point in the order
// of mountinfo.
type pending map[string][]mount

func (l *lies) pending(mountinfo []byte) pending {
	p := pending{}
	for _, m := range l.liedMounts(mountinfo) {
		p[string(m.point)] = append(p[string(m.point)], m)
	}
	return p
}

// appendMountSource appends the source of the first pending mount at a point,
// and takes it off the list: mounts stacked on one point come in turn.
func appendMountSource(dst []byte, lie *FilesystemLie, source, point []byte, pending pending) []byte {
	if mounts := pending[string(point)]; len(mounts) > 0 {
		pending[string(point)] = mounts[1:]
		return appendSource(dst, lie, &mounts[0])
	}
	// Mounted between the two reads: no number is known yet.
	if bytes.HasPrefix(source, []byte("/dev/")) {
		return append(dst, source...)
	}
	return append(dst, lie.Report.Source...)
}

// appendMountstats appends /proc/PID/mountstats as the lies would have it:
// "device SOURCE mounted on POINT with fstype TYPE …" (fs/proc_namespace.c).
func (l *lies) appendMountstats(dst, mountstats, mountinfo []byte) []byte {
	pending := l.pending(mountinfo)
	eachLine(mountstats, func(line []byte, ended bool) {
		dst = l.appendMountstatsLine(dst, line, pending)
		if ended {
			dst = append(dst, '\n')
		}
	})
	return dst
}

func (l *lies) appendMountstatsLine(dst, line []byte, pending pending) []byte {
	device, rest, ok1 := bytes.Cut(line, []byte(" mounted on "))
	point, rest, ok2 := bytes.Cut(rest, []byte(" with fstype "))
	typ, rest, _ := bytes.Cut(rest, []byte(" "))
	lie := l.byType[string(typ)]
	if !ok1 || !ok2 || lie == nil {
		return append(dst, line...)
	}
	source, _ := bytes.CutPrefix(device, []byte("device "))
	dst = append(dst, "device "...)
	dst = appendMountSource(dst, lie, source, point, pending)
	dst = append(append(dst, " mounted on "...), point...)
	dst = append(append(dst, " with fstype "...), lie.Report.Type...)
	if len(rest) > 0 {
		dst = append(append(dst, ' '), rest...)
	}
	return dst
}
