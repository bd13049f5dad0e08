package fakefs

// spare is how much longer a line may become by a lie; buffers are sized for it.
const spare = 512

func mountinfoFile(g *generated, v View) ([]byte, error) {
	real, err := v.Real()
	if err != nil {
		return nil, err
	}
	real = g.tree.cgroups.uncovered("mountinfo", real)
	real = g.tree.cgroups.appendMounts(real, "mountinfo", real)
	return g.tree.mounts.appendMountinfo(make([]byte, 0, len(real)+spare), real), nil
}

func mountsFile(g *generated, v View) ([]byte, error) {
	real, err := v.Real()
	if err != nil {
		return nil, err
	}
	mountinfo, err := g.sibling(v, "mountinfo")
	if err != nil {
		return nil, err
	}
	real, mountinfo = g.tree.cgroups.uncovered("mounts", real), g.tree.cgroups.uncovered("mountinfo", mountinfo)
	real = g.tree.cgroups.appendMounts(real, "mounts", mountinfo)
	mountinfo = g.tree.cgroups.appendMounts(mountinfo, "mountinfo", mountinfo)
	return g.tree.mounts.appendMounts(make([]byte, 0, len(real)+spare), real, mountinfo), nil
}

func mountstatsFile(g *generated, v View) ([]byte, error) {
	real, err := v.Real()
	if err != nil {
		return nil, err
	}
	mountinfo, err := g.sibling(v, "mountinfo")
	if err != nil {
		return nil, err
	}
	real, mountinfo = g.tree.cgroups.uncovered("mountstats", real), g.tree.cgroups.uncovered("mountinfo", mountinfo)
	real = g.tree.cgroups.appendMounts(real, "mountstats", mountinfo)
	mountinfo = g.tree.cgroups.appendMounts(mountinfo, "mountinfo", mountinfo)
	return g.tree.mounts.appendMountstats(make([]byte, 0, len(real)+spare), real, mountinfo), nil
}

func filesystemsFile(g *generated, v View) ([]byte, error) {
	real, err := optional(v.Real())
	if err != nil {
		return nil, err
	}
	return g.tree.cgroups.appendFilesystems(g.tree.mounts.appendFilesystems(nil, real), real), nil
}

func partitionsFile(g *generated, v View) ([]byte, error) {
	real, mountinfo, err := realAndMounts(v)
	if err != nil {
		return nil, err
	}
	return g.tree.mounts.appendPartitions(nil, real, mountinfo, func(m *mount) uint64 {
		return sizeOf(v, string(unescape(m.point)))
	}), nil
}

func diskstatsFile(g *generated, v View) ([]byte, error) {
	real, mountinfo, err := realAndMounts(v)
	if err != nil {
		return nil, err
	}
	return g.tree.mounts.appendDiskstats(nil, real, mountinfo), nil
}

// realAndMounts reads a file of the whole machine, which may be missing, and
// the reader's mounts.
func realAndMounts(v View) (real, mountinfo []byte, err error) {
	if real, err = optional(v.Real()); err != nil {
		return nil, nil, err
	}
	mountinfo, err = v.ReadFile("/proc/self/mountinfo")
	return real, mountinfo, err
}
