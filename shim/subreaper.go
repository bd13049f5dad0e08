package shim

import (
	"bytes"
	"encoding/binary"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

// Subreapers, which old gVisor lacks (prctl(2), PR_SET_CHILD_SUBREAPER: EINVAL).
// containerd's shims end without; and they learn of a container's end only as
// its parent. There the parent of an orphan is the first process of all, and
// nobody can change that. But who traces sees every fork and every end:
//
//	shim (subreaper) ── runc create ── container
//	                       ended         ended ──▶ Ended: SIGCHLD to the shim
//	shim: wait4(-1) ◀── number and status ────────── queue
//
// What else would show the parent still shows the first process: getppid(2),
// /proc/PID/stat and status. waitid(2) does not know of the orphans.

// reaperOptions are the two of the many prctls that are looked at.
var reaperOptions = []ArgEquals{{Arg: 0, Value: unix.PR_SET_CHILD_SUBREAPER}, {Arg: 0, Value: unix.PR_GET_CHILD_SUBREAPER}}

// subreapers are the processes that asked to be one, and their families.
type subreapers struct {
	queued atomic.Int32 // ends that nobody has waited for: all that wait4 asks
	mu     sync.Mutex
	// told are the processes that were told that they are, or are not any more.
	told map[int]reaper
	// parents has all living descendants of subreapers, and orphans those of
	// them that have come to one.
	parents map[int]int
	orphans map[int]bool
	ends    map[int][]end
	// zombies are children that ended before their parents, who may not have
	// waited for them yet.
	zombies map[int][]end
	// left are those for which a parent had not waited when it made its last call, or
	// that ended after it, and leaving the parents that have made it.
	left    map[int][]end
	leaving map[int]bool
}

// reaper is a process by the time of its start besides its number, which can
// come to another one.
type reaper struct {
	born string
	is   bool
}

// end is a process that has ended, and how.
type end struct {
	pid    int
	status unix.WaitStatus
}

func (w *Worker) prctl(c *Call) Answer {
	if !c.Tracee.CanRewrite() || c.Args[0] != unix.PR_SET_CHILD_SUBREAPER && c.Args[0] != unix.PR_GET_CHILD_SUBREAPER {
		return Answer{}
	}
	return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args}
}

// finishPrctl answers where the kernel does not know what is asked.
func (w *Worker) finishPrctl(c *Call, result int64) Answer {
	who, err := w.who(c)
	if result != -int64(unix.EINVAL) || err != nil {
		return answerOf(result)
	}
	r := &w.shim.reapers
	r.mu.Lock()
	defer r.mu.Unlock()
	born := bornAt(who.tgid)
	if c.Args[0] == unix.PR_GET_CHILD_SUBREAPER {
		known, ok := r.told[who.tgid]
		if !ok || born == "" || known.born != born {
			return answerOf(result) // nothing was said to this one
		}
		var is [4]byte
		if known.is {
			binary.NativeEndian.PutUint32(is[:], 1)
		}
		if err := c.Tracee.WriteMemory(c.Args[1], is[:]); err != nil {
			return unwritable(err)
		}
		return Answer{Kind: Return}
	}
	w.count.node(lieSubreaper)
	w.shim.log.Debug().Int("tid", c.TID).Bool("is", c.Args[1] != 0).Str("lie", lieSubreaper).Msg("a process takes in orphans")
	if r.told == nil {
		r.told, r.parents, r.orphans = map[int]reaper{}, map[int]int{}, map[int]bool{}
		r.ends, r.zombies, r.left, r.leaving = map[int][]end{}, map[int][]end{}, map[int][]end{}, map[int]bool{}
	}
	r.told[who.tgid] = reaper{born, c.Args[1] != 0}
	return Answer{Kind: Return}
}

// forked notes the descendants of subreapers.
func (r *subreapers) forked(parent, child int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		return
	}
	_, kin := r.parents[parent]
	if _, reaps := r.told[parent]; kin || reaps {
		r.parents[child] = parent
	}
}

// ended gives away what a process leaves behind: its children, and, if it was an
// orphan, its own end. It returns who has to be told.
func (r *subreapers) ended(pid int, status unix.WaitStatus) (tell int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.told) == 0 {
		return 0
	}
	heir := r.above(pid)
	for child, parent := range r.parents {
		if parent != pid {
			continue
		}
		if heir == 0 {
			delete(r.parents, child)
			delete(r.orphans, child)
			continue
		}
		r.parents[child], r.orphans[child] = heir, true
	}
	parent, kin := r.parents[pid]
	switch {
	case r.orphans[pid]:
		tell = parent
		r.ends[tell] = append(r.ends[tell], end{pid, status})
		r.queued.Add(1)
	case kin && r.leaving[parent]:
		r.left[parent] = append(r.left[parent], end{pid, status})
	case kin && !r.told[parent].is:
		r.zombies[parent] = append(stillZombies(parent, r.zombies[parent]), end{pid, status})
	}
	if left := r.left[pid]; len(left) > 0 && heir != 0 {
		r.ends[heir] = append(r.ends[heir], left...)
		r.queued.Add(int32(len(left)))
		if tell == 0 {
			tell = heir
		}
	}
	r.queued.Add(-int32(len(r.ends[pid])))
	delete(r.ends, pid)
	delete(r.zombies, pid)
	delete(r.left, pid)
	delete(r.leaving, pid)
	delete(r.parents, pid)
	delete(r.orphans, pid)
	delete(r.told, pid)
	return tell
}

// exit_group(2): the last moment at which it shows for which of its children a
// process has not waited. A process that a signal ends does not come here.
func (w *Worker) exitGroup(c *Call) Answer {
	r := &w.shim.reapers
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.parents) == 0 {
		return Answer{}
	}
	if tgid, err := w.tgidOf(c); err == nil {
		r.leaves(tgid, stillZombies)
	}
	return Answer{}
}

// leaves notes the last call of a process, which waits for nobody any more: not for those
// of its children either that end before it has.
func (r *subreapers) leaves(pid int, zombies func(parent int, all []end) []end) {
	if _, kin := r.parents[pid]; !kin {
		return
	}
	r.leaving[pid] = true
	if all := r.zombies[pid]; len(all) > 0 {
		r.left[pid] = zombies(pid, all)
	}
}

// stillZombies are those for which their parent has not waited.
func stillZombies(parent int, all []end) (left []end) {
	for _, e := range all {
		if f := statFields(e.pid); len(f) > 1 && f[0] == "Z" && f[1] == itoa(parent) {
			left = append(left, e)
		}
	}
	return left
}

// above is the nearest subreaper among a process's ancestors; 0 for none.
func (r *subreapers) above(pid int) int {
	for range len(r.parents) + 1 {
		parent, known := r.parents[pid]
		if !known {
			return 0
		}
		if r.told[parent].is {
			return parent
		}
		pid = parent
	}
	return 0
}

// wait4(2): an orphan's end, before those of the caller's own children.
func (w *Worker) wait4(c *Call) Answer {
	r := &w.shim.reapers
	if r.queued.Load() == 0 {
		return Answer{}
	}
	who, err := w.who(c)
	if err != nil {
		return Answer{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, e := range r.ends[who.tgid] {
		if wanted := int32(c.Args[0]); wanted != -1 && int(wanted) != e.pid {
			continue // process groups are not known any more
		}
		var status [4]byte
		binary.NativeEndian.PutUint32(status[:], uint32(e.status))
		var usage [144]byte // struct rusage: nobody has counted
		for arg, b := range map[int][]byte{1: status[:], 3: usage[:]} {
			if c.Args[arg] == 0 {
				continue
			}
			if err := c.Tracee.WriteMemory(c.Args[arg], b); err != nil {
				return unwritable(err)
			}
		}
		w.count.node(lieSubreaper)
		r.ends[who.tgid] = append(r.ends[who.tgid][:i:i], r.ends[who.tgid][i+1:]...)
		r.queued.Add(-1)
		return Answer{Kind: Return, Value: int64(e.pid)}
	}
	return Answer{}
}

// bornAt is when a process began, in the words of proc_pid_stat(5); empty where
// there is none.
func bornAt(pid int) string {
	if f := statFields(pid); len(f) >= 20 {
		return f[19]
	}
	return ""
}

// statFields are those of /proc/PID/stat after the second, the name, which may
// hold anything.
func statFields(pid int) []string {
	text, err := procfs.ReadFile("/proc/" + itoa(pid) + "/stat")
	if err != nil {
		return nil
	}
	return fieldsOf(text)
}

func fieldsOf(stat []byte) []string {
	return strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
}
