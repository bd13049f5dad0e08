package builtin

import (
	"strings"

	"golang.org/x/sys/unix"
)

// mountOptions are a mount's options, taken apart.
type mountOptions struct {
	flags uintptr
	// clear are flags that "rw", "exec" and so on take back.
	clear       uintptr
	propagation []uintptr
	// recursive are attributes for all mounts below as well.
	recursive unix.MountAttr
	// tree tells that a tree of the machine's stands in for a filesystem.
	tree   bool
	data   string
	copyUp bool
}

func parseOptions(options []string) mountOptions {
	var m mountOptions
	var data []string
	for _, option := range options {
		if flag, ok := mountFlags[option]; ok {
			m.flags |= flag
			m.clear &^= flag
		} else if flag, ok := mountClears[option]; ok {
			m.flags &^= flag
			m.clear |= flag
		} else if flag, ok := propagations[option]; ok {
			m.propagation = append(m.propagation, flag)
		} else if flag, ok := recursiveSets[option]; ok {
			m.recursive.Attr_set |= flag
		} else if flag, ok := recursiveClears[option]; ok {
			m.recursive.Attr_clr |= flag
		} else if option == "tmpcopyup" {
			m.copyUp = true
		} else if option != "defaults" {
			data = append(data, option)
		}
	}
	m.data = strings.Join(data, ",")
	return m
}

// Options of mount(8), as the specification lists them.
var (
	mountFlags = map[string]uintptr{
		"async": 0, "bind": unix.MS_BIND, "rbind": unix.MS_BIND | unix.MS_REC, "dirsync": unix.MS_DIRSYNC,
		"iversion": unix.MS_I_VERSION, "lazytime": unix.MS_LAZYTIME, "mand": unix.MS_MANDLOCK,
		"noatime": unix.MS_NOATIME, "nodev": unix.MS_NODEV, "nodiratime": unix.MS_NODIRATIME,
		"noexec": unix.MS_NOEXEC, "nosuid": unix.MS_NOSUID, "nosymfollow": unix.MS_NOSYMFOLLOW,
		"relatime": unix.MS_RELATIME, "remount": unix.MS_REMOUNT, "ro": unix.MS_RDONLY, "silent": unix.MS_SILENT,
		"strictatime": unix.MS_STRICTATIME, "sync": unix.MS_SYNCHRONOUS,
	}
	mountClears = map[string]uintptr{
		"atime": unix.MS_NOATIME, "dev": unix.MS_NODEV, "diratime": unix.MS_NODIRATIME, "exec": unix.MS_NOEXEC,
		"loud": unix.MS_SILENT, "noiversion": unix.MS_I_VERSION, "nolazytime": unix.MS_LAZYTIME,
		"nomand": unix.MS_MANDLOCK, "norelatime": unix.MS_RELATIME, "nostrictatime": unix.MS_STRICTATIME,
		"rw": unix.MS_RDONLY, "suid": unix.MS_NOSUID, "symfollow": unix.MS_NOSYMFOLLOW,
	}
	propagations = map[string]uintptr{
		"private": unix.MS_PRIVATE, "rprivate": unix.MS_PRIVATE | unix.MS_REC,
		"shared": unix.MS_SHARED, "rshared": unix.MS_SHARED | unix.MS_REC,
		"slave": unix.MS_SLAVE, "rslave": unix.MS_SLAVE | unix.MS_REC,
		"unbindable": unix.MS_UNBINDABLE, "runbindable": unix.MS_UNBINDABLE | unix.MS_REC,
	}
	recursiveSets = map[string]uint64{
		"rro": unix.MOUNT_ATTR_RDONLY, "rnosuid": unix.MOUNT_ATTR_NOSUID, "rnodev": unix.MOUNT_ATTR_NODEV,
		"rnoexec": unix.MOUNT_ATTR_NOEXEC, "rnodiratime": unix.MOUNT_ATTR_NODIRATIME, "rnosymfollow": unix.MOUNT_ATTR_NOSYMFOLLOW,
	}
	recursiveClears = map[string]uint64{
		"rrw": unix.MOUNT_ATTR_RDONLY, "rsuid": unix.MOUNT_ATTR_NOSUID, "rdev": unix.MOUNT_ATTR_NODEV,
		"rexec": unix.MOUNT_ATTR_NOEXEC, "rdiratime": unix.MOUNT_ATTR_NODIRATIME, "rsymfollow": unix.MOUNT_ATTR_NOSYMFOLLOW,
	}
)

// OptionNames are all mount options that are understood.
func OptionNames() []string {
	names := []string{"defaults"}
	for _, table := range []map[string]uintptr{mountFlags, mountClears, propagations} {
		for name := range table {
			names = append(names, name)
		}
	}
	for _, table := range []map[string]uint64{recursiveSets, recursiveClears} {
		for name := range table {
			names = append(names, name)
		}
	}
	return names
}
