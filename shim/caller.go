package shim

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/fakefs/cgroup"
	"github.com/shimrun/shimrun/internal/procfs"
)

var _ fakefs.CallerView = (*view)(nil)

// Caller says who reads or writes a file of a cgroup, and how processes are
// numbered there: in the reader's own pid namespace (pid_namespaces(7)).
func (v *view) Caller() (cgroup.Caller, error) {
	who, err := v.who()
	if err != nil {
		return cgroup.Caller{}, err
	}
	c := callerOf(&who)
	c.TID, c.Signal = v.tid, v.shim.signalFor(&who)
	c.Shown, c.Meant, _ = numbering(v.tid)
	if v.tracee != nil && !v.tracee.Valid() { // as for Worker.who
		return cgroup.Caller{}, unix.ESRCH
	}
	return c, nil
}

// numbering tells how processes are numbered in a tracee's pid namespace: the
// number there of one that the supervisor knows, and the other way round. nil
// where both number alike, or where that is not known.
func numbering(tid int) (shown, meant func(id int) (int, bool), known bool) {
	own, e1 := os.Readlink("/proc/self/ns/pid")
	its, e2 := os.Readlink("/proc/" + strconv.Itoa(tid) + "/ns/pid")
	if e1 != nil || e2 != nil || own == its {
		return nil, nil, e1 == nil && e2 == nil
	}
	depth := len(namespaced(tid))
	if depth == 0 {
		return nil, nil, true // old gVisor tells no numbers, and gives every process a namespace's link of its own
	}
	shown = func(id int) (int, bool) {
		ids := namespaced(id)
		if len(ids) < depth {
			return 0, false
		}
		if len(ids) == depth {
			if theirs, err := os.Readlink("/proc/" + strconv.Itoa(id) + "/ns/pid"); err != nil || theirs != its {
				return 0, false
			}
		}
		return ids[depth-1], true
	}
	meant = func(id int) (int, bool) {
		names, err := os.ReadDir("/proc")
		if err != nil {
			return 0, false
		}
		for _, name := range names {
			pid, err := strconv.Atoi(name.Name())
			if err != nil {
				continue
			}
			if n, ok := shown(pid); ok && n == id {
				return pid, true
			}
		}
		return 0, false
	}
	return shown, meant, true
}

// numberedHere puts the supervisor's number of a process in the place of the one
// that the tracee's own procfs has: it is the supervisor's that files of
// processes are made from. ok is false where it has none, or none that is known. Any
// other name stays.
func numberedHere(tid int, name string) (here string, ok bool) {
	rest, ok := strings.CutPrefix(name, "/proc/")
	if !ok {
		return name, true
	}
	number, tail, _ := strings.Cut(rest, "/")
	id, err := strconv.Atoi(number)
	if err != nil {
		return name, true
	}
	_, meant, known := numbering(tid)
	if meant == nil {
		return name, known
	}
	pid, ok := meant(id)
	if !ok {
		return name, false
	}
	return "/proc/" + strconv.Itoa(pid) + "/" + tail, true
}

// numberedAlike tells whether an instance of procfs gives a process the number that the
// supervisor's own does. gVisor tells no numbers of namespaces, and makes an instance for
// each mount: the same process is the one with the same parent, group, session and start.
func numberedAlike(procfs, pid int) bool {
	fd, e := openat(procfs, []byte(itoa(pid)+"/stat\x00"), unix.O_RDONLY|unix.O_CLOEXEC)
	if e != 0 {
		return false
	}
	f := os.NewFile(uintptr(fd), "stat")
	defer f.Close()
	text, err := io.ReadAll(f)
	theirs, ours := fieldsOf(text), statFields(pid)
	const first, start = 4 - 3, 22 - 3 // the fields behind the name begin with the third
	return err == nil && len(theirs) > start && len(ours) > start &&
		slices.Equal(theirs[first:first+3], ours[first:first+3]) && theirs[start] == ours[start]
}

// callerOf takes what a cgroup asks of a thread's status.
func callerOf(who *status) cgroup.Caller {
	return cgroup.Caller{
		PID: who.tgid, UID: who.fsuid, GID: who.fsgid, Admin: who.has(unix.CAP_SYS_ADMIN),
		Owner: ownerOf,
		MayWrite: func(a cgroup.Attributes) bool {
			n := fakefs.Node{Mode: fs.FileMode(a.Mode & 0o777), UID: a.UID, GID: a.GID}
			return who.may(&n, unix.W_OK, who.fsuid, who.fsgid)
		},
	}
}

// namespaced are the numbers of a process or thread in the pid namespaces that
// it is in, the supervisor's first.
func namespaced(id int) (ids []int) {
	b, err := procfs.ReadFile("/proc/" + strconv.Itoa(id) + "/status")
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			for _, f := range bytes.Fields(rest) {
				n, _ := strconv.Atoi(string(f))
				ids = append(ids, n)
			}
		}
	}
	return ids
}

// ownerOf is the real and the saved user of a process.
func ownerOf(pid int) (uid, saved uint32, ok bool) {
	b, err := procfs.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0, false
	}
	for line := range bytes.Lines(b) {
		if rest, found := bytes.CutPrefix(line, []byte("Uid:")); found {
			if f := bytes.Fields(rest); len(f) == 4 {
				return number32(f[0]), number32(f[2]), true
			}
		}
	}
	return 0, 0, false
}

// Forked tells the served cgroups that a process has made another, which is in
// the same groups. A backend that sees forks calls it before the child runs.
func (s *Shim) Forked(parent, child int) {
	s.reapers.forked(parent, child)
	s.unmade.forked(parent, child)
	if groups := s.tree.Cgroups(); groups != nil {
		groups.Forked(parent, child)
	}
}

// Ended tells the subreapers that a process has ended.
func (s *Shim) Ended(pid int, status unix.WaitStatus) {
	s.unmade.ended(pid)
	s.watches.left(pid)
	if reaper := s.reapers.ended(pid, status); reaper != 0 {
		_ = unix.Kill(reaper, unix.SIGCHLD)
	}
}
