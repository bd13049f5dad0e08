package fakefs

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// blockDevices are the device nodes of lied mounts, as devtmpfs and sysfs show
// block devices (block/genhd.c): found by the mounts that exist when a name of
// their shape is asked for.
type blockDevices struct {
	lies    *lies
	machine Machine

	mu        sync.Mutex
	mountinfo []byte
	index     index
}

func newBlockDevices(l *lies, m Machine) *blockDevices {
	return &blockDevices{lies: l, machine: m, index: newIndex(nil)}
}

// blockDirs are the directories that have an entry for each block device.
var blockDirs = []string{"/dev", "/sys/block", "/sys/class/block", "/sys/dev/block", "/sys/devices/virtual/block"}

// concerns tells names that may be a device's or lie below one, without allocating.
func (b *blockDevices) concerns(name []byte) bool {
	if bytes.HasPrefix(name, []byte("/dev/")) {
		for _, lie := range b.lies.byType {
			if bytes.HasPrefix(name, []byte(lie.Report.Source)) {
				return true
			}
		}
		return false
	}
	if bytes.HasPrefix(name, []byte("/sys/")) {
		for _, dir := range blockDirs {
			if len(name) > len(dir) && name[len(dir)] == '/' && string(name[:len(dir)]) == dir {
				return true
			}
		}
	}
	return false
}

func (b *blockDevices) lookup(name string) *Node {
	if !b.concerns([]byte(name)) {
		return nil
	}
	return b.now().nodes[name]
}

func (b *blockDevices) children(dir string) []Entry {
	if !slices.Contains(blockDirs, dir) && !b.concerns([]byte(dir)) {
		return nil
	}
	return b.now().children[dir]
}

func (b *blockDevices) nodes() []*Node {
	var all []*Node
	for _, node := range b.now().nodes {
		if !node.Implied {
			all = append(all, node)
		}
	}
	return all
}

// now is the index for the mounts of this moment. What was there stays where
// mountinfo cannot be read.
func (b *blockDevices) now() index {
	b.mu.Lock()
	defer b.mu.Unlock()
	mountinfo, err := b.machine.Mountinfo()
	if err != nil || bytes.Equal(mountinfo, b.mountinfo) {
		return b.index
	}
	named := map[string]*Node{}
	for _, m := range b.lies.liedDevices(mountinfo) {
		b.add(named, &m)
	}
	b.mountinfo, b.index = slices.Clone(mountinfo), newIndex(named)
	return b.index
}

// add makes the nodes of one device.
func (b *blockDevices) add(named map[string]*Node, m *mount) {
	name := b.lies.deviceName(m)
	number := fmt.Sprintf("%d:%d", m.major, m.minor)
	dir := "/sys/devices/virtual/block/" + name
	size := &blockSize{mountpoint: string(unescape(m.point))}
	lie := "filesystems " + string(m.typ)
	put := func(path string, n Node) {
		n.Name, n.Ino, n.Lie = path, inode(path), lie
		named[path] = &n
	}
	link := func(path, target string) {
		put(path, Node{Mode: fs.ModeSymlink | 0o777, Target: target})
	}
	put("/dev/"+name, Node{Mode: fs.ModeDevice | 0o660, Rdev: unix.Mkdev(m.major, m.minor)})
	link("/sys/dev/block/"+number, "../../devices/virtual/block/"+name)
	link("/sys/block/"+name, "../devices/virtual/block/"+name)
	link("/sys/class/block/"+name, "../../devices/virtual/block/"+name)
	link(dir+"/subsystem", "../../../../class/block")
	put(dir, Node{Mode: fs.ModeDir | 0o755})
	put(dir+"/queue", Node{Mode: fs.ModeDir | 0o755})
	put(dir+"/size", Node{Mode: 0o444, Content: size})
	readOnly := "0"
	if bytes.HasPrefix(m.options, []byte("ro")) {
		readOnly = "1"
	}
	for file, text := range map[string]string{
		"dev":                        number,
		"ro":                         readOnly,
		"removable":                  "0",
		"stat":                       strings.Repeat("       0 ", 16) + "       0",
		"uevent":                     fmt.Sprintf("MAJOR=%d\nMINOR=%d\nDEVNAME=%s\nDEVTYPE=disk", m.major, m.minor, name),
		"alignment_offset":           "0",
		"discard_alignment":          "0",
		"range":                      "1",
		"queue/rotational":           "0",
		"queue/logical_block_size":   "512",
		"queue/physical_block_size":  "512",
		"queue/hw_sector_size":       "512",
		"queue/minimum_io_size":      "512",
		"queue/optimal_io_size":      "0",
		"queue/read_ahead_kb":        "128",
		"queue/nr_requests":          "128",
		"queue/discard_granularity":  "0",
		"queue/discard_max_bytes":    "0",
		"queue/discard_zeroes_data":  "0",
		"queue/write_same_max_bytes": "0",
		"queue/zoned":                "none",
		"queue/scheduler":            "[none] ",
		"queue/max_sectors_kb":       "1280",
		"queue/add_random":           "0",
	} {
		put(dir+"/"+file, Node{Mode: 0o444, Content: newDocument(text+"\n", 0o444)})
	}
}

// blockSize says how large a device is, in sectors of 512 bytes: as large as
// the filesystem on it.
type blockSize struct{ mountpoint string }

func (s *blockSize) Read(v View) ([]byte, error) {
	return append(strconv.AppendUint(nil, sizeOf(v, s.mountpoint)/512, 10), '\n'), nil
}
func (s *blockSize) Write(View, []byte, int64) (int, error) { return 0, unix.EACCES }
func (s *blockSize) Shared() (uint64, bool)                 { return 0, false }

// sizeOf is the size in bytes of the filesystem at a mount point, 0 where the
// reader cannot see it.
func sizeOf(v View, mountpoint string) uint64 {
	st, err := v.Statfs(mountpoint)
	if err != nil || st.Bsize <= 0 {
		return 0
	}
	return st.Blocks * uint64(st.Bsize)
}

// unescape undoes the octal escapes of mount tables (mangle_path: space, tab,
// newline, backslash, hash).
func unescape(field []byte) []byte {
	if !bytes.ContainsRune(field, '\\') {
		return field
	}
	out := make([]byte, 0, len(field))
	for i := 0; i < len(field); i++ {
		if field[i] == '\\' && i+3 < len(field) {
			if c, err := strconv.ParseUint(string(field[i+1:i+4]), 8, 8); err == nil {
				out = append(out, byte(c))
				i += 3
				continue
			}
		}
		out = append(out, field[i])
	}
	return out
}
