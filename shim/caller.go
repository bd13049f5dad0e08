package shim

import (
	"bytes"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/fakefs/cgroup"
)

var _ fakefs.CallerView = (*view)(nil)

// Caller says who reads or writes a file of a cgroup, and how processes are
// numbered there: in the reader's own pid namespace (pid_namespaces(7)).
func (v *view) Caller() (cgroup.Caller, error) {
	who, err := statusOf(v.tid)
	if err != nil {
		return cgroup.Caller{}, err
	}
	c := callerOf(&who)
	own, e1 := os.Readlink("/proc/self/ns/pid")
	its, e2 := os.Readlink("/proc/" + strconv.Itoa(v.tid) + "/ns/pid")
	if e1 != nil || e2 != nil || own == its {
		return c, nil
	}
	depth := len(namespaced(v.tid))
	if depth == 0 {
		return c, nil // old gVisor tells no numbers, and gives every process a namespace's link of its own
	}
	c.Shown = func(id int) (int, bool) {
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
	c.Meant = func(id int) (int, bool) {
		names, err := os.ReadDir("/proc")
		if err != nil {
			return 0, false
		}
		for _, name := range names {
			pid, err := strconv.Atoi(name.Name())
			if err != nil {
				continue
			}
			if shown, ok := c.Shown(pid); ok && shown == id {
				return pid, true
			}
		}
		return 0, false
	}
	return c, nil
}

// callerOf takes what a cgroup asks of a thread's status.
func callerOf(who *status) cgroup.Caller {
	return cgroup.Caller{
		PID: who.tgid, UID: who.fsuid, GID: who.fsgid, Admin: who.has(unix.CAP_SYS_ADMIN),
		Owner: ownerOf,
	}
}

// namespaced are the numbers of a process or thread in the pid namespaces that
// it is in, the supervisor's first.
func namespaced(id int) (ids []int) {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/status")
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
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
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
	if groups := s.tree.Cgroups(); groups != nil {
		groups.Forked(parent, child)
	}
}
