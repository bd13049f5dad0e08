package shim

import (
	"fmt"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A handler decides one call. There is one for each system call, and it knows
// nothing of backends.
type handler func(*Worker, *Call) Answer

// need says for which policies a call has to be trapped.
type need uint

const (
	needFiles      need = 1 << iota // any name is served
	needLinks                       // links are served, or names that the kernel lacks, or links of descriptors told
	needTypes                       // a filesystem is told as another, or statfs has to be mended
	needUname                       // uname(2) is told
	needMemory                      // sysinfo(2) is told
	needStreams                     // /dev/kmsg is served
	needStatx                       // statx(2) has to be mended
	needMount                       // mount(2) has to be mended
	needReaper                      // prctl(2) has to be mended
	needPipes                       // fchown(2) has to be mended
	needGroups                      // cgroups are served
	needNamespaces                  // namespaces are answered that the kernel does not make
	needHostNames                   // some processes have a host name of their own
	needPrograms                    // shimrun is executed in the place of others
	needFolders                     // folders are told that programs can make
	needVirtual                     // mounts are made in a table
	needWrites                      // what is served may be written to
)

// A Spec is one row of docs/syscalls.md: a system call that the shim knows.
type Spec struct {
	Name   string
	nr     int
	handle handler
	needs  need
	only   []ArgEquals
}

// seekKinds are the lseeks that readers of /dev/kmsg make; all others are too
// many to be stopped.
var seekKinds = []ArgEquals{{Arg: 2, Value: unix.SEEK_END}, {Arg: 2, Value: seekData}, {Arg: 2, Value: unix.SEEK_SET}}

const seekData = 3 // SEEK_DATA, lseek(2)

// specs are the calls that every architecture has; legacySpecs adds those that
// newer architectures were born without.
var specs = append([]Spec{
	{"openat", unix.SYS_OPENAT, (*Worker).openat, needFiles, nil},
	{"openat2", unix.SYS_OPENAT2, (*Worker).openat2, needFiles, nil},
	{"newfstatat", sysNewfstatat, (*Worker).newfstatat, needFiles, nil},
	{"fstat", unix.SYS_FSTAT, (*Worker).fstat, needFiles, nil},
	{"statx", unix.SYS_STATX, (*Worker).statx, needFiles | needStatx, nil},
	{"faccessat", unix.SYS_FACCESSAT, (*Worker).faccessat, needFiles, nil},
	{"faccessat2", unix.SYS_FACCESSAT2, (*Worker).faccessat2, needFiles, nil},
	{"readlinkat", unix.SYS_READLINKAT, (*Worker).readlinkat, needLinks, nil},
	{"statfs", unix.SYS_STATFS, (*Worker).statfs, needFiles | needTypes, nil},
	{"fstatfs", unix.SYS_FSTATFS, (*Worker).fstatfs, needFiles | needTypes, nil},
	{"getdents64", unix.SYS_GETDENTS64, (*Worker).getdents64, needFiles, nil},
	{"getcwd", unix.SYS_GETCWD, (*Worker).getcwd, needFiles, nil},
	{"chdir", unix.SYS_CHDIR, (*Worker).chdir, needFiles, nil},
	{"truncate", unix.SYS_TRUNCATE, (*Worker).truncate, needFiles, nil},
	{"getxattr", unix.SYS_GETXATTR, (*Worker).getxattr, needFiles, nil},
	{"lgetxattr", unix.SYS_LGETXATTR, (*Worker).lgetxattr, needFiles, nil},
	{"setxattr", unix.SYS_SETXATTR, (*Worker).setxattr, needFiles, nil},
	{"lsetxattr", unix.SYS_LSETXATTR, (*Worker).lsetxattr, needFiles, nil},
	{"listxattr", unix.SYS_LISTXATTR, (*Worker).listxattr, needFiles, nil},
	{"llistxattr", unix.SYS_LLISTXATTR, (*Worker).llistxattr, needFiles, nil},
	{"removexattr", unix.SYS_REMOVEXATTR, (*Worker).rmxattr, needFiles, nil},
	{"lremovexattr", unix.SYS_LREMOVEXATTR, (*Worker).lrmxattr, needFiles, nil},
	{"fchmod", unix.SYS_FCHMOD, (*Worker).fchmod, needFiles, nil},
	{"fchown", unix.SYS_FCHOWN, (*Worker).fchown, needFiles | needPipes, nil},
	{"fgetxattr", unix.SYS_FGETXATTR, (*Worker).fgetxattr, needFiles, nil},
	{"fsetxattr", unix.SYS_FSETXATTR, (*Worker).fsetxattr, needFiles, nil},
	{"fremovexattr", unix.SYS_FREMOVEXATTR, (*Worker).fsetxattr, needFiles, nil},
	{"inotify_add_watch", unix.SYS_INOTIFY_ADD_WATCH, (*Worker).inotifyAddWatch, needFiles, nil},
	{"inotify_rm_watch", unix.SYS_INOTIFY_RM_WATCH, (*Worker).inotifyRmWatch, needFiles, nil},
	{"name_to_handle_at", unix.SYS_NAME_TO_HANDLE_AT, (*Worker).nameToHandleAt, needFiles, nil},
	{"mkdirat", unix.SYS_MKDIRAT, (*Worker).mkdirat, needGroups | needFolders, nil},
	{"unlinkat", unix.SYS_UNLINKAT, (*Worker).unlinkat, needGroups, nil},
	{"renameat", unix.SYS_RENAMEAT, (*Worker).renameat, needGroups, nil},
	{"renameat2", unix.SYS_RENAMEAT2, (*Worker).renameat2, needGroups, nil},
	{"fchmodat", unix.SYS_FCHMODAT, (*Worker).fchmodat, needGroups, nil},
	{"fchmodat2", unix.SYS_FCHMODAT2, (*Worker).fchmodat2, needGroups, nil},
	{"fchownat", unix.SYS_FCHOWNAT, (*Worker).fchownat, needGroups, nil},
	{"uname", unix.SYS_UNAME, (*Worker).uname, needUname | needHostNames, nil},
	{"sysinfo", unix.SYS_SYSINFO, (*Worker).sysinfo, needMemory, nil},
	{"lseek", unix.SYS_LSEEK, (*Worker).lseek, needStreams | needWrites, seekKinds},
	{"prctl", unix.SYS_PRCTL, (*Worker).prctl, needReaper, reaperOptions},
	{"wait4", unix.SYS_WAIT4, (*Worker).wait4, needReaper, nil},
	{"exit_group", unix.SYS_EXIT_GROUP, (*Worker).exitGroup, needReaper, nil},
	{"mount", unix.SYS_MOUNT, (*Worker).mount, needFiles | needTypes | needMount, nil},
	{"umount2", unix.SYS_UMOUNT2, (*Worker).umount, needFiles | needTypes, nil},
	{"move_mount", unix.SYS_MOVE_MOUNT, (*Worker).moveMount, needFiles | needTypes, nil},
	{"chroot", unix.SYS_CHROOT, (*Worker).chroot, needFiles | needTypes, nil},
	{"pivot_root", unix.SYS_PIVOT_ROOT, (*Worker).changesRoot, needFiles | needTypes, nil},
	{"execve", unix.SYS_EXECVE, (*Worker).execve, needPrograms, nil},
	{"execveat", unix.SYS_EXECVEAT, (*Worker).execveat, needPrograms, nil},
	{"setns", unix.SYS_SETNS, (*Worker).setns, needFiles | needTypes | needNamespaces, nil},
	{"unshare", unix.SYS_UNSHARE, (*Worker).unshare, needNamespaces | needGroups, nil},
	{"sethostname", unix.SYS_SETHOSTNAME, (*Worker).sethostname, needHostNames, nil},
	{"setdomainname", unix.SYS_SETDOMAINNAME, (*Worker).setdomainname, needHostNames, nil},
}, legacySpecs...)

// Calls lists the system calls that the shim can trap, sorted.
func Calls() []string {
	var names []string
	for _, s := range slices.Concat(specs, highSpecs, mountSpecs, legacyMountSpecs) {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// needs derives from the tree what this policy has to see.
func (s *Shim) needs() need {
	p := s.tree.Profile()
	var n need
	if len(s.tree.Roots()) > 0 {
		n |= needFiles
		if s.mayBeWritten() && !s.foreign {
			n |= needWrites
		}
	}
	if s.tree.Cgroups() != nil {
		n |= needGroups
	}
	if s.hasLinks || s.exactLinks {
		n |= needLinks
	}
	if len(p.Filesystems) > 0 || s.quirks.statfsENOSYS {
		n |= needTypes
	}
	if p.Uname() != (unameNone) {
		n |= needUname
	}
	if p.Memory.Total > 0 || p.Memory.Swap > 0 {
		n |= needMemory
	}
	if s.quirks.statxNoAutomount {
		n |= needStatx
	}
	if s.virtual.answers {
		n |= needVirtual | needLinks
	}
	q := &s.quirks
	if q.mountPropagation || q.mountRemount || q.mountBindLink || q.mountBindRec {
		n |= needMount
	}
	if s.tellsFolders {
		n |= needFolders
	}
	if s.unmade.flags != 0 {
		n |= needNamespaces
	}
	if s.unmade.answers(unix.CLONE_NEWUTS) {
		n |= needHostNames
	}
	if !s.programs.none() {
		n |= needPrograms
	}
	if q.childSubreaper {
		n |= needReaper
	}
	if q.fchownPipe {
		n |= needPipes
	}
	for _, node := range s.tree.Named() {
		if node.Stream != "" {
			n |= needStreams
		}
	}
	return n
}

// plan decides which calls are trapped, and by whom they are answered.
func (s *Shim) plan() error {
	needs := s.needs()
	s.high = needs&needWrites != 0
	add := func(t Trap, h handler) {
		for len(s.handlers) <= t.Nr {
			s.handlers = append(s.handlers, nil)
		}
		if s.handlers[t.Nr] == nil {
			s.traps = append(s.traps, t)
		}
		s.handlers[t.Nr] = h
	}
	for _, spec := range slices.Concat(specs, highSpecs) {
		if spec.needs&needs != 0 {
			add(Trap{Name: spec.Name, Nr: spec.nr, Only: spec.conditions(needs)}, spec.handle)
		}
	}
	if s.virtual.answers {
		// Names pass through mounts first, and then come to whoever serves them.
		for _, spec := range slices.Concat(specs, mountSpecs, legacyMountSpecs) {
			h := spec.handle
			if spec.nr < len(s.handlers) && s.handlers[spec.nr] != nil {
				h = s.handlers[spec.nr]
			}
			if p := passages()[spec.Name]; p != nil {
				add(Trap{Name: spec.Name, Nr: spec.nr}, through(p, h))
			} else if spec.needs&needVirtual != 0 {
				add(Trap{Name: spec.Name, Nr: spec.nr}, h)
			}
		}
	}
	for name, errno := range s.tree.Profile().Calls {
		nr, ok := fakefs.CallNumber(name)
		if !ok {
			return fmt.Errorf("profile %s: calls %s: no call that can be refused", s.tree.Profile().Name, name)
		}
		// Whatever else it may be trapped for.
		s.traps = slices.DeleteFunc(s.traps, func(t Trap) bool { return t.Nr == nr })
		if nr < len(s.handlers) {
			s.handlers[nr] = nil
		}
		add(Trap{Name: name, Nr: nr}, fixed(errno, "calls "+name))
	}
	slices.SortFunc(s.traps, func(a, b Trap) int { return a.Nr - b.Nr })
	s.stats.size(len(s.handlers))
	return nil
}

// Traps lists the calls that this policy needs to see, and no others.
func (s *Shim) Traps() []Trap { return slices.Clone(s.traps) }

func (s *Shim) nameOf(nr int) string {
	for _, t := range s.traps {
		if t.Nr == nr {
			return t.Name
		}
	}
	return fmt.Sprint(nr)
}

// mount(2): mended where the profile says so, else only noticed.
func (w *Worker) mount(c *Call) Answer {
	if a, done := w.bindNetwork(c); done {
		return a
	}
	if w.shim.virtual.answers {
		return w.virtualMount(c)
	}
	return w.mendedMount(c)
}

// umount2(2) and move_mount(2): answered where mounts are in a table.
func (w *Worker) umount(c *Call) Answer {
	if w.shim.virtual.answers {
		return w.virtualUmount(c)
	}
	if a, done := w.umountNetwork(c); done {
		return a
	}
	return w.changesMounts(c)
}

func (w *Worker) moveMount(c *Call) Answer {
	if a := w.newMountCall(c); a.Kind != Continue {
		return a
	}
	return w.changesMounts(c)
}
