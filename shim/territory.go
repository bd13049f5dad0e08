package shim

import (
	"bytes"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// territory is what the real kernel has where the tree serves names, as the
// supervisor sees it: it answers by identity whether an object can be ours, so
// that a call which is not costs one look-up. It is immutable; mounts make a
// new one.
type territory struct {
	// root is the supervisor's own root directory.
	root identity
	// devs are the filesystems in which any name may be served: procfs, and
	// whatever is mounted at or below a root of the tree. Few, so a slice.
	devs []uint64
	// laidOver are those of them in which a node may stand before any file that
	// is there, because a pattern says so.
	laidOver []uint64
	// dirs are, on filesystems that are not in devs, the deepest real
	// directories below which names are served.
	dirs map[identity]struct{}
	// files are the real files that a plain node stands before, with its name.
	files map[identity]string
	// names gives the tree's name of a directory that has an identity of its
	// own: the roots of the tree and the mount points below them.
	names map[identity]string
	// covered are mount points below served directories that were not there when
	// the shim began: who mounted there wants to see what he mounted.
	covered []string
	// types are the f_type of the filesystems that hold kernel objects, by device
	// number: old gVisor has no fstatfs for O_PATH descriptors.
	types map[uint64]int64
	// disks are the filesystems mounted here, by device number, on which files are only
	// files: in whatever mount namespace one is met, nothing but an identity makes it ours.
	disks []uint64
	// proc tells that /proc is a procfs in which "/proc/self" is the reader,
	// and procDev is its device number.
	proc    bool
	procDev uint64
	// procHides tells that it is mounted with hidepid: some see nothing of other
	// users' processes (proc(5)).
	procHides bool
}

// survey looks at the machine as it is mounted now.
func (s *Shim) survey() *territory {
	t := &territory{
		dirs:  map[identity]struct{}{},
		files: map[identity]string{},
		names: map[identity]string{},
		types: map[uint64]int64{},
	}
	var st unix.Stat_t
	if unix.Stat("/", &st) == nil {
		t.root = identityOf(&st)
	}
	mounts := s.mountsNow()
	if slices.ContainsFunc(mounts, mayWait) {
		s.MayServe()
	}
	t.disks = disksOf(mounts)
	s.cover(t, mounts)
	roots := s.tree.Roots()
	var scattered []string // roots on the root filesystem itself: /etc, or /dev of a plain chroot
	for _, r := range roots {
		if t.hides([]byte(r)) || !statNow(r, &st) || uint64(st.Dev) == t.root.dev {
			scattered = append(scattered, r)
			continue
		}
		t.claim(r, &st)
	}
	var fs unix.Statfs_t
	t.proc = unix.Statfs("/proc", &fs) == nil && fs.Type == unix.PROC_SUPER_MAGIC
	if unix.Stat("/proc", &st) == nil {
		t.procDev = uint64(st.Dev)
	}
	s.claimMounts(t, roots, mounts)
	s.scatter(t, scattered)
	s.overlay(t)
	return t
}

// disksOf are the device numbers of filesystems that hold files, and no kernel objects.
func disksOf(mounts []*mountinfo.Info) (devs []uint64) {
	for _, m := range mounts {
		switch m.FSType {
		case "9p", "ext2", "ext3", "ext4", "xfs", "f2fs", "overlay", "tmpfs", "virtiofs", "erofs", "squashfs":
			if dev := unix.Mkdev(uint32(m.Major), uint32(m.Minor)); !slices.Contains(devs, dev) {
				devs = append(devs, dev)
			}
		}
	}
	return devs
}

// stand has names decided by a territory from now on.
func (s *Shim) stand(t *territory) {
	s.passing.add(t)
	s.ground.Store(t)
}

// overlay finds the real files that nodes stand before.
func (s *Shim) overlay(t *territory) {
	for _, n := range s.tree.Named() {
		if !t.standsBefore(n) {
			continue
		}
		var st unix.Stat_t
		if n.Pattern == "" {
			if statNow(n.Name, &st) {
				t.files[identityOf(&st)] = n.Name
			}
			continue
		}
		if statNow(plainPart(n), &st) {
			t.laidOver = append(t.laidOver, uint64(st.Dev))
		}
		t.layOver(n)
	}
}

// standsBefore tells whether a node is served where the kernel has something, too.
func (t *territory) standsBefore(n *fakefs.Node) bool {
	return !n.WhenMissing && (!n.Mode.IsDir() || n.Covers()) && !t.hides([]byte(n.Name))
}

// layOver has a pattern stand before any file of the filesystems below its plain part.
func (t *territory) layOver(n *fakefs.Node) {
	root := plainPart(n)
	for id, name := range t.names {
		if strings.HasPrefix(name, root) {
			t.laidOver = append(t.laidOver, id.dev)
		}
	}
	slices.Sort(t.laidOver)
	t.laidOver = slices.Compact(t.laidOver)
}

// plainPart is the folder in which all that a pattern matches lies.
func plainPart(n *fakefs.Node) string {
	root := n.Pattern[:strings.IndexAny(n.Pattern, "*?[\\")]
	return root[:strings.LastIndexByte(root, '/')+1]
}

// clone is a copy that can be added to.
func (t *territory) clone() *territory {
	c := *t
	c.devs, c.laidOver = slices.Clone(t.devs), slices.Clone(t.laidOver)
	c.names, c.types = maps.Clone(t.names), maps.Clone(t.types)
	return &c
}

// claim makes the whole filesystem of the directory name ours to look at.
func (t *territory) claim(name string, st *unix.Stat_t) {
	t.names[identityOf(st)] = name
	if !slices.Contains(t.devs, uint64(st.Dev)) {
		t.devs = append(t.devs, uint64(st.Dev))
	}
}

// mountsNow are the mounts of this moment; the first time that is remembered. nil
// where they cannot be told.
func (s *Shim) mountsNow() []*mountinfo.Info {
	var mounts []*mountinfo.Info
	info, err := s.mountinfo()
	if err == nil {
		mounts, err = mountinfo.GetMountsFromReader(bytes.NewReader(info), nil)
	}
	if s.initial == nil { // the first survey
		s.initial = make(map[int]struct{}, len(mounts))
		for _, m := range mounts {
			s.initial[m.ID] = struct{}{}
		}
	}
	if err != nil {
		return nil
	}
	return mounts
}

// mayWait tells whether a look at a file on a mount may wait for a server that may never
// answer. What a hypervisor or a sandbox serves (9p, virtiofs) answers as a disk does.
func mayWait(m *mountinfo.Info) bool {
	return m.FSType == "fuse" || strings.HasPrefix(m.FSType, "fuse.") ||
		slices.Contains([]string{"nfs", "nfs4", "cifs", "smb3", "ceph", "afs"}, m.FSType)
}

// cover finds the new mounts that hide what is served below them.
func (s *Shim) cover(t *territory, mounts []*mountinfo.Info) {
	for _, m := range mounts {
		if m.FSType != "proc" && m.FSType != "sysfs" && m.FSType != "cgroup" && s.isNew(m) && s.above(m.Mountpoint) {
			t.covered = append(t.covered, m.Mountpoint)
		}
	}
}

// claimMounts adds what is mounted below the roots (the cgroup controllers below
// /sys/fs/cgroup) and every other instance of procfs and sysfs.
func (s *Shim) claimMounts(t *territory, roots []string, mounts []*mountinfo.Info) {
	serves := func(dir string) bool {
		return slices.ContainsFunc(roots, func(r string) bool { return r == dir || strings.HasPrefix(r, dir+"/") })
	}
	for _, m := range mounts {
		var st unix.Stat_t
		switch m.FSType {
		case "proc":
			dev := unix.Mkdev(uint32(m.Major), uint32(m.Minor))
			t.types[dev] = unix.PROC_SUPER_MAGIC
			t.procHides = t.procHides || dev == t.procDev && hides(m.VFSOptions)
		case "sysfs":
			t.types[unix.Mkdev(uint32(m.Major), uint32(m.Minor))] = unix.SYSFS_MAGIC
		}
		below := slices.ContainsFunc(roots, func(r string) bool { return strings.HasPrefix(m.Mountpoint, r+"/") })
		special := m.FSType == "proc" && serves("/proc") || m.FSType == "sysfs" && serves("/sys")
		if !below && !special || t.hides([]byte(m.Mountpoint)) || !statNow(m.Mountpoint, &st) || uint64(st.Dev) == t.root.dev {
			continue
		}
		if below && !special {
			t.claim(m.Mountpoint, &st)
		} else if m.Root != "/" {
			// A part of procfs or sysfs, bound somewhere.
			t.claim(map[string]string{"proc": "/proc", "sysfs": "/sys"}[m.FSType]+m.Root, &st)
		} else if !slices.Contains(t.devs, uint64(st.Dev)) {
			t.devs = append(t.devs, uint64(st.Dev))
		}
	}
}

// hides tells whether the options of a procfs hide processes of other users.
func hides(options string) bool {
	for option := range strings.SplitSeq(options, ",") {
		if value, ok := strings.CutPrefix(option, "hidepid="); ok && value != "0" && value != "off" {
			return true
		}
	}
	return false
}

// statNow is stat(2) by what is known already: it does not ask the server of a
// filesystem, which may be a tracee that waits for this very look (statx(2),
// AT_STATX_DONT_SYNC).
func statNow(name string, st *unix.Stat_t) bool {
	var now unix.Statx_t
	switch err := unix.Statx(atFDCWD, name, unix.AT_STATX_DONT_SYNC, unix.STATX_BASIC_STATS, &now); err {
	case nil:
		*st = unix.Stat_t{Ino: now.Ino, Mode: uint32(now.Mode)}
		set(&st.Dev, unix.Mkdev(now.Dev_major, now.Dev_minor))
		return true
	case unix.ENOSYS, unix.EINVAL:
		return unix.Stat(name, st) == nil
	}
	return false
}

// isNew tells whether a mount was made since the shim began.
func (s *Shim) isNew(m *mountinfo.Info) bool {
	if s.initial == nil {
		return false
	}
	_, old := s.initial[m.ID]
	return !old
}

// above tells whether names are served at or below a directory.
func (s *Shim) above(dir string) bool {
	return s.tree.Lookup(dir) != nil || len(s.tree.Children(dir)) > 0
}

// hides tells whether a served name lies under a new mount.
func (t *territory) hides(name []byte) bool {
	for _, dir := range t.covered {
		if isBelow(name, dir) {
			return true
		}
	}
	return false
}

// scatter remembers, for nodes that stand on the root filesystem, just the
// directories and files concerned.
func (s *Shim) scatter(t *territory, roots []string) {
	if len(roots) == 0 {
		return
	}
	nodes := s.tree.Named()
	// Roots have different first components.
	byFirst := make(map[string]string, len(roots))
	for _, root := range roots {
		byFirst[firstComponent(root)] = root
		if isBelow([]byte(root), "/proc") {
			nodes = s.tree.Nodes() // no procfs is mounted here
		}
	}
	for _, n := range nodes {
		root, ok := byFirst[firstComponent(n.Name)]
		if !ok || n.Name != root && !strings.HasPrefix(n.Name, strings.TrimSuffix(root, "/")+"/") {
			continue
		}
		if t.hides([]byte(n.Name)) {
			continue
		}
		var st unix.Stat_t
		if statNow(n.Name, &st) && st.Mode&unix.S_IFMT == unix.S_IFDIR {
			t.dirs[identityOf(&st)] = struct{}{}
			t.names[identityOf(&st)] = n.Name
		}
		for dir := path.Dir(n.Name); ; dir = path.Dir(dir) {
			if statNow(dir, &st) {
				t.dirs[identityOf(&st)] = struct{}{}
				t.names[identityOf(&st)] = dir
				break
			}
		}
	}
}

// firstComponent is that of an absolute name.
func firstComponent(name string) string {
	first, _, _ := strings.Cut(name[1:], "/")
	return first
}

// mayHold tells whether a real directory can have served names below it.
func (t *territory) mayHold(st *unix.Stat_t) bool {
	if slices.Contains(t.devs, uint64(st.Dev)) {
		return true
	}
	_, ok := t.dirs[identityOf(st)]
	return ok
}

// mayReplace tells whether a node may stand before a real object.
func (t *territory) mayReplace(st *unix.Stat_t) bool {
	if slices.Contains(t.laidOver, uint64(st.Dev)) {
		return true
	}
	_, ok := t.files[identityOf(st)]
	return ok
}

// procName rewrites a clean name below /proc as the tracee means it: "self" and
// "thread-self" become its own numbers, "mounts" and "net" what they are links
// to. leads tells whether the name ends in a link that only a walk can follow (root, cwd,
// exe, fd/N), or goes on behind one.
func procName(dst []byte, clean []byte, tgid, tid int) (name []byte, leads magic) {
	rest := clean[len("/proc/"):]
	first, tail, _ := bytes.Cut(rest, []byte("/"))
	name = append(dst[:0], "/proc/"...)
	process := true
	switch string(first) {
	case "self":
		name = strconv.AppendInt(name, int64(tgid), 10)
	case "thread-self":
		name = strconv.AppendInt(name, int64(tgid), 10)
		name = append(name, "/task/"...)
		name = strconv.AppendInt(name, int64(tid), 10)
	case "mounts", "net":
		name = strconv.AppendInt(name, int64(tgid), 10)
		name = append(append(name, '/'), first...)
	default:
		name = append(name, first...)
		process = first[0] >= '0' && first[0] <= '9'
	}
	if len(tail) > 0 {
		name = append(append(name, '/'), tail...)
		if process {
			leads = magicOf(tail)
		}
	}
	return name, leads
}

// magic tells what a name has to do with magic links.
type magic uint8

const (
	noMagic     magic = iota
	endsInMagic       // its last component is one
	behindMagic       // another one is
)

// magicOf tells whether a name below /proc/PID passes through or ends in a magic link
// (proc_pid_cwd(5) and its neighbours; fs/proc/base.c).
func magicOf(tail []byte) magic {
	part, rest, _ := bytes.Cut(tail, []byte("/"))
	switch string(part) {
	case "root", "cwd", "exe":
	case "fd", "ns", "map_files":
		if len(rest) == 0 {
			return noMagic
		}
		_, rest, _ = bytes.Cut(rest, []byte("/"))
	case "task":
		_, below, _ := bytes.Cut(rest, []byte("/"))
		if len(below) == 0 {
			return noMagic
		}
		return magicOf(below)
	default:
		return noMagic
	}
	if len(rest) == 0 {
		return endsInMagic
	}
	return behindMagic
}
