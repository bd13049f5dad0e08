package fakefs

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// A Filesystem is one that is served as a whole: a mount that no kernel has
// made. Every node on it says so ([Node.On]), and so do mountinfo and mounts.
type Filesystem struct {
	Type  string
	Magic int64 // statfs f_type
	// Source is the first field of a line in /proc/PID/mounts.
	Source string
	// Point is the directory that it is mounted on.
	Point string
	// Dev is its device number (unix.Mkdev), MountID the number in mountinfo.
	Dev     uint64
	MountID int
	// Flags are the mount's options, Options those of its super block.
	Flags, Options string
	// ReadOnly refuses to make anything in it with EROFS.
	ReadOnly bool
}

// appendMountinfo appends the line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).
func (f *Filesystem) appendMountinfo(dst []byte, parent int) []byte {
	return fmt.Appendf(dst, "%d %d %d:%d / %s %s - %s %s %s\n", f.MountID, parent,
		unix.Major(f.Dev), unix.Minor(f.Dev), f.Point, f.Flags, f.Type, f.Source, f.Options)
}

// appendMounts appends the line of /proc/PID/mounts: the options of the super
// block first, then the mount's own (show_vfsmnt in fs/proc_namespace.c).
func (f *Filesystem) appendMounts(dst []byte) []byte {
	_, flags, _ := cutOption(f.Flags)
	state, options, more := cutOption(f.Options)
	if more {
		options = "," + options
	}
	return fmt.Appendf(dst, "%s %s %s %s,%s%s 0 0\n", f.Source, f.Point, f.Type, state, flags, options)
}

// appendMountstats appends the line of /proc/PID/mountstats.
func (f *Filesystem) appendMountstats(dst []byte) []byte {
	return fmt.Appendf(dst, "device %s mounted on %s with fstype %s\n", f.Source, f.Point, f.Type)
}

func cutOption(options string) (first, rest string, more bool) {
	for i := range options {
		if options[i] == ',' {
			return options[:i], options[i+1:], true
		}
	}
	return options, "", false
}
