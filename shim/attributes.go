package shim

import (
	"io/fs"
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// attributes are what stat(2) and statx(2) tell of a served node. Each of the
// two structures is made from them, so that they cannot disagree.
type attributes struct {
	dev   uint64
	ino   uint64
	mode  uint32
	nlink uint32
	uid   uint32
	gid   uint32
	rdev  uint64
	size  int64
	bsize uint32
	times time.Time
	// above is the node's own name where the kernel has it, else its nearest
	// real folder's.
	above string
}

// attributesOf describes a node. Files of procfs have no size and blocks of
// 1,024 bytes (fs/proc/root.c); sysfs reports one page. Where the kernel has an
// object of that name as well, the node keeps its numbers and times, so that
// getdents, which lists the kernel's, tells the same inode.
func (s *Shim) attributesOf(n *fakefs.Node, name string, r root) attributes {
	a := attributes{
		ino: n.Ino, mode: modeOf(n.Mode), nlink: 1,
		uid: n.UID, gid: n.GID, rdev: n.Rdev, bsize: 4096, times: s.started,
	}
	if n.On != nil {
		return attributesOn(n, a)
	}
	var st unix.Stat_t
	if r.lstat(name, &st) == nil {
		a.dev, a.ino, a.times, a.above = uint64(st.Dev), st.Ino, time.Unix(st.Mtim.Unix()), name
	} else {
		a.dev, a.above = r.folderAbove(name)
	}
	switch {
	case n.Mode.IsDir():
		a.nlink = 1 // procfs counts no subdirectories below /proc/sys
	case n.Mode&modeSymlink != 0:
		a.size = int64(len(n.Target))
	case isBelow([]byte(name), "/sys") && n.Content != nil:
		a.size = 4096
	case !isBelow([]byte(name), "/proc") && n.Content != nil:
		if content, err := n.Content.Read(&view{name: name, root: r, shim: s}); err == nil {
			a.size = int64(len(content))
		}
	}
	if isBelow([]byte(name), "/proc") {
		a.bsize = 1024
	}
	return a
}

// attributesOn completes what is told of a node on a served filesystem: what can
// be changed is asked for now, as the node may have been found long ago.
func attributesOn(n *fakefs.Node, a attributes) attributes {
	a.dev, a.above = n.On.Dev, ""
	if n.Mode.IsDir() {
		a.nlink = 2
	}
	if n.Object != nil {
		st := n.Object.Stat()
		a.mode = a.mode&unix.S_IFMT | st.Mode
		a.uid, a.gid, a.nlink, a.times = st.UID, st.GID, st.Links, st.Made
	}
	return a
}

// folderAbove is the nearest real directory above a name, with its device number.
func (r root) folderAbove(name string) (dev uint64, dir string) {
	var st unix.Stat_t
	for dir = path.Dir(name); ; dir = path.Dir(dir) {
		if r.stat(dir, &st) == nil || dir == "/" {
			return uint64(st.Dev), dir
		}
	}
}

func modeOf(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	switch {
	case m.IsDir():
		return bits | unix.S_IFDIR
	case m&fs.ModeSymlink != 0:
		return bits | unix.S_IFLNK
	case m&fs.ModeCharDevice != 0:
		return bits | unix.S_IFCHR
	case m&fs.ModeDevice != 0:
		return bits | unix.S_IFBLK
	}
	return bits | unix.S_IFREG
}

// stat fills struct stat; its fields differ in width between architectures.
func (a *attributes) stat(st *unix.Stat_t) {
	*st = unix.Stat_t{Ino: a.ino, Mode: a.mode, Uid: a.uid, Gid: a.gid, Size: a.size}
	set(&st.Dev, a.dev)
	set(&st.Rdev, a.rdev)
	set(&st.Nlink, uint64(a.nlink))
	set(&st.Blksize, uint64(a.bsize))
	st.Blocks = (a.size + 511) / 512
	t := unix.NsecToTimespec(a.times.UnixNano())
	st.Atim, st.Mtim, st.Ctim = t, t, t
}

func set[T ~int32 | ~uint32 | ~int64 | ~uint64](field *T, v uint64) { *field = T(v) }

// statx fills struct statx with the basic statistics, whatever mask asked for,
// as the kernel does for filesystems that have them at hand (statx(2)).
func (a *attributes) statx(st *unix.Statx_t) {
	*st = unix.Statx_t{
		Mask: unix.STATX_BASIC_STATS, Ino: a.ino, Mode: uint16(a.mode), Nlink: a.nlink,
		Uid: a.uid, Gid: a.gid, Size: uint64(a.size), Blksize: a.bsize, Blocks: uint64(a.size+511) / 512,
		Dev_major: unix.Major(a.dev), Dev_minor: unix.Minor(a.dev),
		Rdev_major: unix.Major(a.rdev), Rdev_minor: unix.Minor(a.rdev),
	}
	t := unix.StatxTimestamp{Sec: a.times.Unix(), Nsec: uint32(a.times.Nanosecond())}
	st.Atime, st.Mtime, st.Ctime = t, t, t
}
