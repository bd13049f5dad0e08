package mounts

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Tmpfs is what can be said of a tmpfs with options (tmpfs(5)).
type Tmpfs struct {
	// Size is the limit in bytes, whole pages, and Inodes that of files; 0 for none.
	Size, Inodes uint64
	Mode         uint32
	UID, GID     uint32
	ReadOnly     bool
	NoSwap       bool
	// DefaultSize and DefaultInodes are those that the kernel would not mention.
	DefaultSize, DefaultInodes uint64
	// Shown is set where the kernel mentions that inode numbers have 64 bits.
	Shown bool
}

const pageSize = 4096

// ParseTmpfs reads the options that mount(2) brings, on a machine with so many
// bytes of memory. What the kernel does not take is EINVAL (shmem_parse_one in
// mm/shmem.c).
func ParseTmpfs(data string, ram uint64) (Tmpfs, error) {
	half := ram / pageSize / 2
	o := Tmpfs{Size: half * pageSize, Inodes: half, Mode: 0o1777}
	o.DefaultSize, o.DefaultInodes = o.Size, o.Inodes
	return o, o.parse(data, ram)
}

func (o *Tmpfs) parse(data string, ram uint64) error {
	for option := range strings.SplitSeq(data, ",") {
		if option == "" {
			continue
		}
		if err := o.option(option, ram); err != nil {
			return fmt.Errorf("tmpfs: option %q: %w", option, unix.EINVAL)
		}
	}
	return nil
}

func (o *Tmpfs) option(option string, ram uint64) (err error) {
	key, value, has := strings.Cut(option, "=")
	if !has {
		switch key {
		case "ro":
			o.ReadOnly = true
		case "rw":
			o.ReadOnly = false
		case "noswap":
			o.NoSwap = true
		case "inode32", "inode64", "sync", "async", "dirsync", "lazytime", "nolazytime", "mand", "nomand", "silent":
		default:
			return unix.EINVAL
		}
		return nil
	}
	var n uint64
	switch key {
	case "size":
		if n, err = parseSize(value, ram); err == nil {
			o.Size = (n + pageSize - 1) / pageSize * pageSize
		}
	case "nr_blocks":
		if n, err = parseSize(value, 0); err == nil && n > 1<<63/pageSize {
			err = unix.EINVAL
		}
		o.Size = n * pageSize
	case "nr_inodes":
		o.Inodes, err = parseSize(value, 0)
	case "mode":
		n, err = strconv.ParseUint(value, 8, 32)
		o.Mode = uint32(n) & 0o7777
	case "uid":
		o.UID, err = parseID(value)
	case "gid":
		o.GID, err = parseID(value)
	case "huge":
		if !slices.Contains([]string{"never", "always", "within_size", "advise"}, value) {
			err = unix.EINVAL
		}
	case "mpol":
	default:
		err = unix.EINVAL
	}
	return err
}

func parseID(value string) (uint32, error) {
	n, err := strconv.ParseUint(value, 0, 32)
	if n == 1<<32-1 {
		err = unix.EINVAL
	}
	return uint32(n), err
}

// parseSize is memparse of lib/cmdline.c, and a percentage of ram where there is one.
func parseSize(value string, ram uint64) (uint64, error) {
	digits := value
	percent := ram > 0 && strings.HasSuffix(digits, "%")
	if percent {
		digits = digits[:len(digits)-1]
	}
	shift := 0
	if len(digits) > 0 {
		if i := strings.IndexByte("kmgtpe", digits[len(digits)-1]|0x20); i >= 0 && !strings.HasPrefix(digits, "0x") {
			shift, digits = 10*(i+1), digits[:len(digits)-1]
		}
	}
	n, err := strconv.ParseUint(digits, 0, 64)
	switch {
	case err != nil, n > 1<<62>>shift:
		return 0, unix.EINVAL
	case !percent:
		return n << shift, nil
	case n<<shift > 1<<20 || ram > 1<<42:
		return 0, unix.EINVAL
	}
	return ram * (n << shift) / 100, nil
}

// with is the filesystem after a remount (shmem_reconfigure).
func (o Tmpfs) with(data string, ram, used uint64) (Tmpfs, error) {
	n := o
	if err := n.parse(data, ram); err != nil {
		return o, unix.EINVAL
	}
	if n.Size != 0 && n.Size != o.Size && (o.Size == 0 || n.Size < used) {
		return o, unix.EINVAL
	}
	n.Mode, n.UID, n.GID, n.ReadOnly = o.Mode, o.UID, o.GID, false
	return n, nil
}

// String is the options as mountinfo shows them (shmem_show_options).
func (o Tmpfs) String() string {
	var all []string
	add := func(show bool, format string, args ...any) {
		if show {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(o.Size != o.DefaultSize, "size=%dk", o.Size>>10)
	add(o.Inodes != o.DefaultInodes, "nr_inodes=%d", o.Inodes)
	add(o.Mode != 0o1777, "mode=%03o", o.Mode)
	add(o.UID != 0, "uid=%d", o.UID)
	add(o.GID != 0, "gid=%d", o.GID)
	add(o.Shown, "inode64")
	add(o.NoSwap, "noswap")
	return strings.Join(all, ",")
}
