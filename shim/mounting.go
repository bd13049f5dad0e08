package shim

import (
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
	"github.com/shimrun/shimrun/internal/procfs"
)

// mount(2) and umount2(2) where the kernel refuses them.

const lieMounts = "mounts virtual"

// virtualMount makes the checks of ksys_mount and path_mount (fs/namespace.c),
// in their order but for the one for privilege, which the tracee is taken to
// pass. What the table cannot hold stays the kernel's to refuse.
func (w *Worker) virtualMount(c *Call) Answer {
	if _, ok := w.mountsOf(c); !ok {
		return w.changesMounts(c)
	}
	kind, ok1 := w.mountText(c, c.Args[2])
	source, ok2 := w.mountText(c, c.Args[0])
	data, ok3 := w.mountText(c, c.Args[4])
	if !ok1 || !ok2 || !ok3 {
		return Answer{} // EFAULT or EINVAL; a kernel that asks for privilege first says EPERM
	}
	at, errno := w.mountPoint(c, atFDCWD, c.Args[1], false)
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	flags := uintptr(c.Args[3])
	if flags&0xffff0000 == 0xc0ed0000 { // MS_MGC_VAL
		flags &= 0xffff
	}
	v := &w.shim.virtual
	var from led
	var err error
	if flags&unix.MS_BIND != 0 && flags&unix.MS_REMOUNT == 0 {
		if from, err = w.bindSource(c, at, source); err != nil {
			return w.mountAnswer(c, at.logical, err)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w.refreshMounts()
	switch {
	case flags&unix.MS_REMOUNT != 0:
		err = v.remount(at.logical, flags, deref(data))
	case flags&unix.MS_BIND != 0:
		err = v.table.Bind(from.logical, at.logical, flags)
	case flags&(unix.MS_SHARED|unix.MS_PRIVATE|unix.MS_SLAVE|unix.MS_UNBINDABLE) != 0:
		err = v.table.Propagate(at.logical, flags)
	case flags&unix.MS_MOVE != 0:
		return Answer{}
	case kind == nil:
		err = unix.EINVAL
	case *kind == "tmpfs":
		err = w.mountTmpfs(at, source, flags, deref(data))
	default:
		return Answer{}
	}
	return w.mountAnswer(c, at.logical, err)
}

func (w *Worker) mountAnswer(c *Call, target string, err error) Answer {
	w.count.node(lieMounts)
	w.shim.virtual.survey()
	var errno unix.Errno
	if err != nil && !errors.As(err, &errno) {
		w.shim.log.Warn().Err(err).Str("target", target).Msg("could not mount; the kernel answers instead")
		return Answer{}
	}
	w.shim.log.Debug().Int("tid", c.TID).Str("call", w.shim.nameOf(c.Nr)).Str("target", target).AnErr("answer", err).
		Str("lie", lieMounts).Msg("mounts")
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	return Answer{Kind: Return}
}

// mountText reads one of mount(2)'s texts; nil for a null pointer.
func (w *Worker) mountText(c *Call, addr uint64) (*string, bool) {
	if addr == 0 {
		return nil, true
	}
	b, ok := w.readPath(c.Tracee, addr)
	s := string(b)
	return &s, ok
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// mountPoint finds the directory or file that a name of mount(2) or umount2(2) leads to.
func (w *Worker) mountPoint(c *Call, dirfd int, addr uint64, nofollow bool) (led, unix.Errno) {
	name, ok := w.readPath(c.Tracee, addr)
	switch {
	case !ok:
		if n, _ := c.Tracee.ReadMemory(addr, w.data[:1]); addr == 0 || n == 0 {
			return led{}, unix.EFAULT
		}
		return led{}, unix.ENAMETOOLONG
	case len(name) == 0:
		return led{}, unix.ENOENT
	}
	l, ok := w.leadThrough(c, dirfd, name, nofollow)
	switch {
	case !ok && l.errno != 0:
		return led{}, l.errno
	case !ok:
		return led{}, unix.EACCES
	}
	if !l.exists {
		return l, l.errno
	}
	if e := fstatat(atFDCWD, append([]byte(l.real), 0), &w.st, unix.AT_SYMLINK_NOFOLLOW); e != 0 {
		return l, e
	}
	l.mode = w.st.Mode & unix.S_IFMT
	return l, 0
}

func (w *Worker) refreshMounts() {
	if info, err := procfs.ReadFile("/proc/self/mountinfo"); err == nil {
		w.shim.virtual.table.Refresh(info)
	}
}

// bindSource is what a bind mount shows at its target.
func (w *Worker) bindSource(c *Call, at led, source *string) (led, error) {
	if source == nil || *source == "" {
		return led{}, unix.EINVAL
	}
	from, errno := w.mountPoint(c, atFDCWD, c.Args[0], false)
	switch {
	case errno != 0:
		return led{}, errno
	case (from.mode == unix.S_IFDIR) != (at.mode == unix.S_IFDIR):
		return led{}, unix.ENOTDIR
	}
	return from, nil
}

func (w *Worker) mountTmpfs(at led, source *string, flags uintptr, data string) error {
	v := &w.shim.virtual
	o, err := mounts.ParseTmpfs(data, v.ram)
	if err != nil {
		return err
	}
	if at.mode != unix.S_IFDIR {
		return unix.ENOTDIR
	}
	if source == nil {
		none := "none"
		source = &none
	}
	f, err := w.shim.prepare(at.logical, at.real, o)
	if err != nil {
		return err
	}
	m := v.table.Tmpfs(at.logical, *source, f.name, flags, o)
	v.folders[m.Super.Minor] = f
	return nil
}

func (v *virtualMounts) remount(target string, flags uintptr, data string) error {
	used := uint64(0)
	if m := v.table.At(target); m != nil && m.Super.Tmpfs != nil {
		if f := v.folders[m.Super.Minor]; f != nil {
			used, _ = f.used()
		}
	}
	return v.table.Remount(target, flags, data, v.ram, used)
}

// virtualUmount is umount2(2), in the order of ksys_umount.
func (w *Worker) virtualUmount(c *Call) Answer {
	const known = unix.MNT_FORCE | unix.MNT_DETACH | unix.MNT_EXPIRE | unix.UMOUNT_NOFOLLOW
	flags := int(int32(c.Args[1]))
	if _, ok := w.mountsOf(c); !ok {
		return w.changesMounts(c)
	}
	if flags&^known != 0 {
		return Answer{Kind: Fail, Errno: unix.EINVAL}
	}
	at, errno := w.mountPoint(c, atFDCWD, c.Args[0], flags&unix.UMOUNT_NOFOLLOW != 0)
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	return w.umountVirtual(c, at, flags)
}

// umountVirtual takes mounts of the table away.
func (w *Worker) umountVirtual(c *Call, at led, flags int) Answer {
	v := &w.shim.virtual
	v.mu.Lock()
	defer v.mu.Unlock()
	w.refreshMounts()
	gone, err := v.table.Umount(at.logical, flags, func(m *mounts.Mount) bool {
		return m.Super.Tmpfs != nil && v.folders[m.Super.Minor] != nil && isUsed(m.Super.Backing)
	})
	if errors.Is(err, unix.EPERM) {
		return Answer{} // the kernel's own mount, and its refusal
	}
	v.reopen()
	for _, m := range slices.Backward(gone) { // what stands on others first
		f := v.folders[m.Super.Minor]
		if m.Super.Tmpfs == nil || f == nil || v.table.Used(m.Super) {
			continue
		}
		delete(v.folders, m.Super.Minor)
		f.clear(w.shim)
	}
	return w.mountAnswer(c, at.logical, err)
}

// isUsed tells whether a process has something open, or stands, below a folder.
func isUsed(dir string) bool {
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		name := "/proc/" + p.Name()
		if p.Name()[0] < '0' || p.Name()[0] > '9' || isShimrun(name) {
			continue
		}
		links := []string{name + "/cwd", name + "/root", name + "/exe"}
		fds, _ := os.ReadDir(name + "/fd")
		for _, fd := range fds {
			links = append(links, name+"/fd/"+fd.Name())
		}
		for _, link := range links {
			if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "/") && mounts.Within(to, dir) &&
				!strings.HasSuffix(to, " (deleted)") {
				return true
			}
		}
	}
	return false
}

// supervisor and guardian are this process and its parent, as they are at the start: a
// thread that serves may be a process of its own where time is limited. The guardian may
// become another.
var (
	supervisor = os.Getpid()
	guardian   atomic.Int64
)

func init() { SetGuardian(os.Getppid()) }

// SetGuardian tells that the guardian of this process is another one from now on.
func SetGuardian(pid int) { guardian.Store(int64(pid)) }

// isShimrun tells whether a process is this one or its guardian.
func isShimrun(process string) bool {
	id := process[len("/proc/"):]
	return id == itoa(supervisor) || id == itoa(int(guardian.Load()))
}

// newMountCall answers the calls of the newer mount interface as a kernel
// would that does not have it: programs then use mount(2).
func (w *Worker) newMountCall(c *Call) Answer {
	if c.Nr == unix.SYS_OPEN_TREE && c.Args[2]&unix.OPEN_TREE_CLONE == 0 {
		return Answer{}
	}
	if _, ok := w.mountsOf(c); !ok {
		return Answer{}
	}
	w.count.node(lieMounts)
	return Answer{Kind: Fail, Errno: unix.ENOSYS}
}

// rememberPropagation notes a propagation change that the quirk answers.
func (w *Worker) rememberPropagation(c *Call) Answer {
	if w.shim.virtual.table == nil {
		return Answer{Kind: Return}
	}
	return w.remembered(c, func(at led) error {
		return w.shim.virtual.table.Propagate(at.logical, uintptr(c.Args[3]))
	})
}

// remountQuirk answers a remount that the kernel cannot do, where nothing is
// lost by that: nothing becomes read-only, or can be written to, but in name.
//
// Since its version 2 containerd makes a mount read-only, with MS_REC, through which it
// looks into a container's root, and does not go on without. It writes nothing there;
// that it or others could is what they can without this mount.
func (w *Worker) remountQuirk(c *Call) Answer {
	const look = unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY
	v := &w.shim.virtual
	looks := c.Args[3]&look == look
	data, ok := w.mountText(c, c.Args[4])
	if v.table == nil || c.Args[3]&unix.MS_RDONLY != 0 && !looks || !ok || data != nil && *data != "" {
		return Answer{}
	}
	w.count.node(lieRemount)
	return w.remembered(c, func(at led) error {
		if m := v.table.At(at.logical); m != nil && looks {
			return nil // mountinfo goes on saying rw, which is true
		}
		if m := v.table.At(at.logical); m == nil || m.ReadOnly() {
			return unix.EINVAL
		}
		return v.table.Remount(at.logical, uintptr(c.Args[3]), "", v.ram, 0)
	})
}

// remembered changes what is told of one of the kernel's mounts.
func (w *Worker) remembered(c *Call, change func(led) error) Answer {
	v := &w.shim.virtual
	at, errno := w.mountPoint(c, atFDCWD, c.Args[1], false)
	if errno != 0 {
		return Answer{Kind: Fail, Errno: errno}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	w.refreshMounts()
	return w.mountAnswer(c, at.logical, change(at))
}
