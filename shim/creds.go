package shim

import (
	"bytes"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/internal/procfs"
)

// status is what /proc/TID/status tells of a tracee: who it is, and on whose
// behalf it may open things (proc_pid_status(5)).
type status struct {
	tgid   int
	ppid   int
	nsTGID int // the same in the innermost pid namespace
	nsTID  int
	uid    uint32 // real
	euid   uint32
	fsuid  uint32
	gid    uint32
	egid   uint32
	fsgid  uint32
	groups []uint32
	caps   uint64 // effective, in the thread's own user namespace
	umask  uint32

	permitted  uint64
	tid        int
	namespaces *userNamespaces // which capabilities count here; nil for all
	validity   *validity       // whether these do
}

// validity is whether a thread's capabilities count, once that was asked.
type validity struct{ asked, here bool }

// who reads who a thread is. [Worker.who] reads it of a caller.
func (s *Shim) who(tid int) (status, error) {
	name := strconv.Itoa(tid)
	if tid == supervisor {
		name = "self" // also where this /proc numbers processes as another namespace does
	}
	who, err := statusAt(name)
	who.tid, who.namespaces, who.validity = tid, &s.namespaces, &validity{}
	return who, err
}

// who reads who makes a call. It is asked only for calls that lead to something
// served, and for what the supervisor does itself. What it tells is nobody's once the
// call is over: another thread of the process may have called execve(2) meanwhile, of a
// set-user-ID program even, which gives the caller's number to itself.
func (w *Worker) who(c *Call) (status, error) {
	who, err := w.statusOf(c.TID)
	if err == nil && !c.Tracee.Valid() {
		err = unix.ESRCH
	}
	return who, err
}

// statusOf reads the status of a thread.
func statusOf(tid int) (status, error) { return statusAt(strconv.Itoa(tid)) }

// statusAt reads that of what has a name in /proc.
func statusAt(name string) (status, error) {
	b, err := procfs.ReadFile("/proc/" + name + "/status")
	if err != nil {
		return status{}, err
	}
	return parseStatus(b), nil
}

func parseStatus(b []byte) status {
	s := status{umask: 0o022} // where old gVisor does not tell
	for line := range bytes.Lines(b) {
		key, value, _ := bytes.Cut(line, []byte(":"))
		f := bytes.Fields(value)
		switch string(key) {
		case "Tgid":
			if len(f) > 0 {
				s.tgid, _ = strconv.Atoi(string(f[0]))
			}
		case "PPid":
			if len(f) > 0 {
				s.ppid, _ = strconv.Atoi(string(f[0]))
			}
		case "NStgid":
			if len(f) > 0 {
				s.nsTGID, _ = strconv.Atoi(string(f[len(f)-1]))
			}
		case "NSpid":
			if len(f) > 0 {
				s.nsTID, _ = strconv.Atoi(string(f[len(f)-1]))
			}
		case "Uid":
			if len(f) == 4 {
				s.uid, s.euid, s.fsuid = number32(f[0]), number32(f[1]), number32(f[3])
			}
		case "Gid":
			if len(f) == 4 {
				s.gid, s.egid, s.fsgid = number32(f[0]), number32(f[1]), number32(f[3])
			}
		case "Groups":
			for _, g := range f {
				s.groups = append(s.groups, number32(g))
			}
		case "Umask":
			if len(f) > 0 {
				umask, _ := strconv.ParseUint(string(f[0]), 8, 32)
				s.umask = uint32(umask)
			}
		case "CapPrm":
			if len(f) > 0 {
				s.permitted, _ = strconv.ParseUint(string(f[0]), 16, 64)
			}
		case "CapEff":
			if len(f) > 0 {
				s.caps, _ = strconv.ParseUint(string(f[0]), 16, 64)
			}
		}
	}
	return s
}

func number32(b []byte) uint32 {
	n, _ := strconv.ParseUint(string(b), 10, 32)
	return uint32(n)
}

// asReal has the caller act with its real ids, as access(2) asks about them: a
// setuid program's capabilities do not count then, and root's permitted ones do
// (access_override_creds in fs/open.c).
func (s *status) asReal() {
	s.fsuid, s.fsgid = s.uid, s.gid
	if s.uid == 0 {
		s.caps = s.permitted
	} else {
		s.caps = 0
	}
}

// inGroup tells whether a group is one of the caller's.
func (s *status) inGroup(gid uint32) bool { return gid == s.fsgid || slices.Contains(s.groups, gid) }

// has tells whether the caller has a capability that counts here.
func (s *status) has(capability uint) bool { return s.caps>>capability&1 != 0 && s.counting() != 0 }

// counting are those of the caller's capabilities that count here: none, where it
// has them in a user namespace of its own only. That costs a look-up, once.
func (s *status) counting() uint64 {
	if s.caps == 0 || s.namespaces == nil {
		return s.caps
	}
	if !s.validity.asked {
		*s.validity = validity{true, s.namespaces.count(s.tid)}
	}
	if !s.validity.here {
		return 0
	}
	return s.caps
}

// allowed tells whether permission bits allow the caller, as a file's owner, member
// of its group or anybody else, what want asks for (acl_permission_check in fs/namei.c).
func (s *status) allowed(mode, uid, gid, want uint32) bool {
	switch {
	case s.fsuid == uid:
		mode >>= 6
	case s.inGroup(gid):
		mode >>= 3
	}
	return want&^mode == 0
}

// overrides tells whether a capability allows what the permission bits do not
// (generic_permission in fs/namei.c), of a file of this owner and group.
func (s *status) overrides(want uint32, directory bool, uid, gid uint32) bool {
	if s.hasOver(unix.CAP_DAC_OVERRIDE, uid, gid) {
		return true
	}
	reads := want == unix.R_OK || directory && want&unix.W_OK == 0
	return reads && s.hasOver(unix.CAP_DAC_READ_SEARCH, uid, gid)
}

// hasOver tells whether the caller has a capability that counts for a file: here, or in
// a user namespace of its own whose ids have the file's among them
// (capable_wrt_inode_uidgid in kernel/capability.c).
func (s *status) hasOver(capability uint, uid, gid uint32) bool {
	return s.has(capability) || s.caps>>capability&1 != 0 && s.namespaces.maps(s.tid, uid, gid)
}

// may checks the permission bits of a served file as inode_permission does:
// want is a mask of unix.R_OK, W_OK, X_OK. Below /proc/sys no capability
// helps, and the effective ids count, also for access(2)
// (proc_sys_permission in fs/proc/proc_sysctl.c); elsewhere CAP_DAC_OVERRIDE does.
func (s *status) may(n *fakefs.Node, want uint32, uid, gid uint32) bool {
	perm := uint32(n.Mode.Perm())
	if isSysctl(n.Name) {
		uid, gid = s.euid, s.egid
	}
	switch {
	case uid == n.UID:
		perm >>= 6
	case gid == n.GID || slices.Contains(s.groups, n.GID):
		perm >>= 3
	}
	if want&^perm == 0 {
		return true
	}
	if isSysctl(n.Name) {
		return false
	}
	if want&unix.X_OK != 0 && !n.Mode.IsDir() && n.Mode.Perm()&0o111 == 0 {
		return false
	}
	return s.overrides(want, n.Mode.IsDir(), n.UID, n.GID)
}

func isSysctl(name string) bool {
	const root = "/proc/sys/"
	return len(name) > len(root) && name[:len(root)] == root
}
