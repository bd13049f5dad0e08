package fakefs

// appendMountinfo appends mountinfo as the lies would have it: a lied mount's
// type, source and super options change, its device number and all else stay.
// Lines of another form are passed on as they are.
func (l *lies) appendMountinfo(dst, mountinfo []byte) []byte {
	eachLine(mountinfo, func(line []byte, ended bool) {
		m, ok := parseMount(line)
		var lie *FilesystemLie
		if ok {
			lie = l.lie(&m)
		}
		if lie == nil {
			dst = append(dst, line...)
		} else {
			dst = append(append(dst, m.head...), "- "...)
			dst = append(append(dst, lie.Report.Type...), ' ')
			dst = append(appendSource(dst, lie, &m), ' ')
			dst = appendOptions(dst, m.options, m.flags)
		}
		if ended {
			dst = append(dst, '\n')
		}
	})
	return dst
}

// liedMounts lists the mounts that are lied about, in mountinfo's order.
func (l *lies) liedMounts(mountinfo []byte) []mount {
	var mounts []mount
	eachLine(mountinfo, func(line []byte, _ bool) {
		if m, ok := parseMount(line); ok && l.lie(&m) != nil {
			mounts = append(mounts, m)
		}
	})
	return mounts
}

// liedDevices lists the device numbers of lied mounts that have no real block
// device, each once, with the first mount that has it.
func (l *lies) liedDevices(mountinfo []byte) []mount {
	seen := map[[2]uint32]bool{}
	var devices []mount
	for _, m := range l.liedMounts(mountinfo) {
		number := [2]uint32{m.major, m.minor}
		if m.major == 0 && !seen[number] {
			seen[number] = true
			devices = append(devices, m)
		}
	}
	return devices
}
