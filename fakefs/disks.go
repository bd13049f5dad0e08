package fakefs

import (
	"bytes"
	"fmt"
	"slices"
)

// appendFilesystems appends /proc/filesystems with the reported types in it,
// as filesystems that need a device.
func (l *lies) appendFilesystems(dst, filesystems []byte) []byte {
	dst = append(dst, filesystems...)
	var missing []string
	for _, lie := range l.byType {
		if typ := lie.Report.Type; !hasFilesystem(filesystems, typ) && !slices.Contains(missing, typ) {
			missing = append(missing, typ)
		}
	}
	slices.Sort(missing)
	for _, typ := range missing {
		dst = append(append(append(dst, '\t'), typ...), '\n')
	}
	return dst
}

func hasFilesystem(filesystems []byte, typ string) bool {
	found := false
	eachLine(filesystems, func(line []byte, _ bool) {
		_, name, _ := bytes.Cut(line, []byte("\t"))
		found = found || string(name) == typ
	})
	return found
}

// partitionsHeader is how /proc/partitions begins (block/genhd.c).
const partitionsHeader = "major minor  #blocks  name\n\n"

// appendPartitions appends /proc/partitions with a line for each lied device;
// size gives a device's size in bytes.
func (l *lies) appendPartitions(dst, partitions, mountinfo []byte, size func(*mount) uint64) []byte {
	dst = append(dst, partitions...)
	if len(partitions) == 0 {
		dst = append(dst, partitionsHeader...)
	}
	for _, m := range l.liedDevices(mountinfo) {
		dst = fmt.Appendf(dst, "%4d  %7d %10d %s\n", m.major, m.minor, size(&m)/1024, l.deviceName(&m))
	}
	return dst
}

// appendDiskstats appends /proc/diskstats with a line of an idle disk for each
// lied device: 17 counters since Linux 5.5 (Documentation/admin-guide/iostats.rst).
func (l *lies) appendDiskstats(dst, diskstats, mountinfo []byte) []byte {
	dst = append(dst, diskstats...)
	for _, m := range l.liedDevices(mountinfo) {
		dst = fmt.Appendf(dst, "%4d %7d %s 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n", m.major, m.minor, l.deviceName(&m))
	}
	return dst
}

// deviceName is the told source of a mount without /dev/.
func (l *lies) deviceName(m *mount) string {
	return string(appendSource(nil, l.lie(m), m)[len("/dev/"):])
}
