package shim

import (
	"bytes"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/mounts"
	"github.com/shimrun/shimrun/internal/procfs"
)

// virtualMounts are the mounts that tracees made and the kernel refused.
//
//	mount(2) ──▶ mounting.go ──▶ table        what the namespace is now
//	               │    └──────▶ folders      what holds a tmpfs's files
//	names ─────▶ through.go  ──▶ table.Find   led to where they really lie
//	readers ───▶ view        ──▶ table.Append…
type virtualMounts struct {
	// table is nil where the profile leaves mounts to the kernel.
	table *mounts.Table
	// answers tells that the kernel refuses mounts here: shimrun itself has no
	// CAP_SYS_ADMIN. Else the table only remembers propagation for the quirk.
	answers bool
	// tellsRoots tells that this kernel's statx(2) says what a mount's root is.
	tellsRoots bool
	// devs are the filesystems on which mounts of the table stand or lie: an
	// object on any other is nothing to the table.
	devs atomic.Pointer[[]uint64]
	// networks are the files on which a network namespace is mounted: nothing else of
	// their filesystems is in that mount.
	networks atomic.Pointer[[]identity]
	// leads tells that one of them leads the names below it elsewhere.
	leads atomic.Bool
	ram   uint64

	// closed are the roots of containers, see [Worker.closeRoot].
	closed atomic.Pointer[[]string]

	// mu orders changes of the table with what they do to folders. Whoever holds it
	// looks up no name for a tracee: that takes cwds.mu, and may wait for others.
	mu      sync.Mutex
	folders map[uint32]*folder
	cwds    cwds
}

func (s *Shim) beginMounts() error {
	v := &s.virtual
	if !s.tree.Profile().VirtualMounts() {
		return nil
	}
	info, err := s.mountinfo()
	if err != nil {
		return err
	}
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) == nil {
		v.ram = uint64(si.Totalram) * uint64(max(si.Unit, 1))
	}
	v.table = mounts.New(info)
	v.devs.Store(&[]uint64{})
	v.networks.Store(&[]identity{})
	v.closed.Store(&[]string{})
	var st unix.Statx_t
	v.tellsRoots = unix.Statx(atFDCWD, "/", 0, 0, &st) == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0
	v.answers = !s.self.has(unix.CAP_SYS_ADMIN)
	v.folders = map[uint32]*folder{}
	return nil
}

// privileged tells whether a tracee may mount, were it not for the one
// capability that is missing here: it is root, and has given up nothing of
// what shimrun was started with.
func (s *Shim) privileged(who *status) bool {
	return who.euid == 0 && who.counting()&s.self.caps == s.self.caps
}

// mountsOf tells whether a call is about the mounts of the table: the
// tracee is in the supervisor's mount namespace and may mount.
func (w *Worker) mountsOf(c *Call) (who status, ok bool) {
	v := &w.shim.virtual
	if !v.answers || w.shim.passing.namespaces.Load() && !w.sharesNamespace(c.TID) {
		return who, false
	}
	who, err := w.who(c)
	return who, err == nil && w.shim.privileged(&who)
}

// survey notes on which filesystems the table's mounts are.
func (v *virtualMounts) survey() {
	devs, networks, leads := []uint64{}, []identity{}, false
	for _, m := range v.table.Mounts() {
		leads = leads || m.Redirects() && m.Backing != networkFile
		// One that is its own source looks like what is there without it; but
		// it can be read-only.
		if m.Kernel && !(m.Changed() && m.ReadOnly()) || !m.Kernel && m.Super.Tmpfs == nil && !m.Redirects() && !m.ReadOnly() && !v.tellsRoots {
			continue
		}
		if m.Backing == networkFile {
			var st unix.Stat_t
			if statNow(m.Point, &st) {
				networks = append(networks, identityOf(&st))
			}
			continue
		}
		for _, name := range []string{m.Point, m.Backing} {
			var st unix.Stat_t
			if statNow(name, &st) && !slices.Contains(devs, uint64(st.Dev)) {
				devs = append(devs, uint64(st.Dev))
			}
		}
	}
	v.devs.Store(&devs)
	v.networks.Store(&networks)
	v.leads.Store(leads)
}

// concerns tells whether an object can be in a mount of the table.
func (v *virtualMounts) concerns(st *unix.Stat_t) bool {
	return slices.Contains(*v.devs.Load(), uint64(st.Dev)) || slices.Contains(*v.networks.Load(), identityOf(st))
}

// Unmount takes all virtual mounts away, with what they hold: the end of the
// last process ends its mount namespace. The shim answers no calls any more.
func (s *Shim) Unmount() {
	v := &s.virtual
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range v.folders {
		f.clear(s)
	}
	v.folders = nil
}

// mountFile tells whether a file of procfs lists mounts, and whose.
func mountFile(name string) (process string, ok bool) {
	if !isBelow([]byte(name), "/proc") {
		return "", false
	}
	dir, base := path.Split(name)
	return path.Clean(dir), base == "mountinfo" || base == "mounts" || base == "mountstats"
}

// withVirtual adds the table's mounts to what the kernel says in a file of
// procfs, for a reader in this mount namespace.
func (s *Shim) withVirtual(name string, real []byte) []byte {
	t := s.virtual.table
	process, ok := mountFile(name)
	if t == nil || !ok {
		return real
	}
	root := "/"
	if s.passing.namespaces.Load() && s.namespace != nil {
		if ns, err := os.Readlink(process + "/ns/mnt"); err == nil && ns != string(s.namespace) {
			return real
		}
	}
	if s.passing.roots.Load() {
		if r, err := os.Readlink(process + "/root"); err == nil && strings.HasPrefix(r, "/") {
			root = r
		}
	}
	out := make([]byte, 0, len(real)+1024)
	switch path.Base(name) {
	case "mountinfo":
		return t.AppendMountinfo(out, real, root)
	case "mounts":
		info, err := procfs.ReadFile(process + "/mountinfo")
		if err != nil || bytes.Count(info, []byte("\n")) != bytes.Count(real, []byte("\n")) {
			info = nil
		}
		return t.AppendMounts(out, real, info, root)
	}
	return t.AppendMountstats(out, real, root)
}
