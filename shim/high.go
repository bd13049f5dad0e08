package shim

import (
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Descriptors with high numbers. A process of several threads that opens a served file
// to write to it, and not to read, is given a number that the filter knows: what is done
// to one of these numbers stops, and nothing else does, whichever thread does it. So
// only who writes pays for it.
//
//	openat(…, O_WRONLY) = 992        write(992, …) ─ filter ─▶ highCall
//	                                 write(7, …)   ─ filter ─▶ the kernel
//
// A process of one thread has the lowest number that is free, as open(2) promises, and
// is followed: a shell makes it its standard output. Nobody can rely on that promise
// whose other threads open files as well. A descriptor that is copied to another number
// is followed too, from then on, and one that is read from as well.

// High is the first of these numbers, and HighCount how many there are: a power of two,
// so that the filter compares once. They end where most processes' limit is (ulimit -n,
// 1,024), and where an fd_set of select(2) ends. Few have as many descriptors; whose
// ordinary ones come there has them stopped to no effect.
const (
	High      = 992
	HighCount = 32
)

// IsHigh tells whether a number is one of these.
func IsHigh(fd int) bool { return fd >= High && fd < High+HighCount }

// highIn is the filter's condition that an argument is one of these: a descriptor is
// what the lower half of it says.
func highIn(arg uint) ArgEquals {
	return ArgEquals{Arg: arg, Mask: 1<<32 - HighCount, Value: High}
}

// highCalls are the calls that write to a descriptor, move its position or copy it,
// with the arguments that say which.
var highCalls = func() map[string][]ArgEquals {
	calls := map[string][]ArgEquals{
		// From an ordinary descriptor to a high one, too: see [highs].
		"dup2": {highIn(0), highIn(1)},
		"dup3": {highIn(0), highIn(1)},
		// F_DUPFD's least number is a whole register, and others have addresses there.
		"fcntl":  {highIn(0), {Arg: 2, Mask: ^uint64(HighCount - 1), Value: High}},
		"splice": {highIn(2)}, "copy_file_range": {highIn(2)},
	}
	for _, name := range []string{"write", "pwrite64", "writev", "pwritev", "pwritev2", "lseek", "ftruncate", "fallocate", "sendfile", "dup"} {
		calls[name] = []ArgEquals{highIn(0)}
	}
	return calls
}()

// highSpecs are their rows.
var highSpecs = append([]Spec{
	{"write", unix.SYS_WRITE, (*Worker).highCall, needWrites, nil},
	{"pwrite64", unix.SYS_PWRITE64, (*Worker).highCall, needWrites, nil},
	{"writev", unix.SYS_WRITEV, (*Worker).highCall, needWrites, nil},
	{"pwritev", unix.SYS_PWRITEV, (*Worker).highCall, needWrites, nil},
	{"pwritev2", unix.SYS_PWRITEV2, (*Worker).highCall, needWrites, nil},
	{"ftruncate", unix.SYS_FTRUNCATE, (*Worker).highCall, needWrites, nil},
	{"fallocate", unix.SYS_FALLOCATE, (*Worker).highCall, needWrites, nil},
	{"sendfile", unix.SYS_SENDFILE, (*Worker).highCall, needWrites, nil},
	{"splice", unix.SYS_SPLICE, (*Worker).highCall, needWrites, nil},
	{"copy_file_range", unix.SYS_COPY_FILE_RANGE, (*Worker).highCall, needWrites, nil},
	{"dup", unix.SYS_DUP, (*Worker).highCopy, needWrites, nil},
	{"dup3", unix.SYS_DUP3, (*Worker).highCopy, needWrites, nil},
	{"fcntl", unix.SYS_FCNTL, (*Worker).highCopy, needWrites, nil},
}, legacyHighSpecs...)

// mayBeWritten tells whether anything that is served takes writes.
func (s *Shim) mayBeWritten() bool {
	if s.tree.ServesAllSysctls() || s.tree.Cgroups() != nil {
		return true
	}
	for _, n := range s.tree.Named() {
		if n.Content != nil && n.Mode.Perm()&0o222 != 0 {
			return true
		}
	}
	return false
}

// highCall is what is done to a high number.
//
// Where that is a file of the kernel's, another thread may give the number to a served
// one before the kernel looks it up again. What is written there then has gone to a file
// that is the writer's own, and no node takes what it would refuse.
func (w *Worker) highCall(c *Call) Answer {
	if c.Nr == unix.SYS_WRITE || c.Nr == unix.SYS_WRITEV {
		if _, e := w.statDescriptor(c.TID, dirfdOf(c.Args[0])); e == unix.ENOENT {
			// Said here, for by the time that the kernel looks it may be there.
			return Answer{Kind: Fail, Errno: unix.EBADF}
		}
	}
	return w.HandleFollowed(c)
}

// highCopy has those followed who copy such a descriptor to a number that the filter does
// not know.
func (w *Worker) highCopy(c *Call) Answer {
	from, to := dirfdOf(c.Args[0]), -1
	switch {
	case c.Nr == unix.SYS_FCNTL:
		if c.Args[1] != unix.F_DUPFD && c.Args[1] != unix.F_DUPFD_CLOEXEC {
			return Answer{}
		}
		to = int(min(c.Args[2], High+HighCount))
	case c.Nr != unix.SYS_DUP:
		to = dirfdOf(c.Args[1])
	}
	if IsHigh(to) {
		w.shim.highs.spoil(to, c.Nr == unix.SYS_FCNTL)
	}
	if !IsHigh(from) {
		return Answer{}
	}
	if h := w.handedTo(c, from); h == nil || h.node.Content == nil || !w.writable(c.TID, from, h) {
		return Answer{}
	}
	return Answer{Follow: true}
}

// highs are the numbers as a backend gives them that chooses one itself: for all
// processes together, so that nothing has to be kept for each. A number that some
// program has chosen for itself is never chosen for anybody, for it could be chosen at
// the same moment: to be given a number is to lose what had it.
type highs struct {
	mu      sync.Mutex
	spoiled uint32 // a bit for each number
	given   uint32 // on its way
	next    int
}

// spoil notes that a program has chosen a number, or one from it on.
func (h *highs) spoil(fd int, up bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spoiled |= 1 << (fd - High)
	if up {
		h.spoiled |= ^uint32(0) << (fd - High)
	}
}

// ChooseHigh finds a high number that is free in the descriptor table of a thread. No
// other is given it before [Shim.HighGiven]. ok is false where the thread is alone with
// its table, as far as it can be known, or there is none.
func (s *Shim) ChooseHigh(tid int) (fd int, ok bool) {
	dir := "/proc/" + itoa(tid)
	var st unix.Stat_t
	const alone = 3 // links of /proc/TID/task: its own two, and one for each thread
	if unix.Stat(dir+"/task", &st) != nil || st.Nlink <= alone {
		return -1, false
	}
	// Numbers are given from below: who has none near these gets none of them by chance.
	if !isFree(dir, High-HighCount) {
		return -1, false
	}
	h := &s.highs
	h.mu.Lock()
	defer h.mu.Unlock()
	for range HighCount {
		bit := h.next
		h.next = (h.next + 1) % HighCount
		if (h.spoiled|h.given)&(1<<bit) == 0 && isFree(dir, High+bit) {
			h.given |= 1 << bit
			return High + bit, true
		}
	}
	return -1, false
}

// isFree tells whether a thread has no descriptor of that number.
func isFree(dir string, fd int) bool {
	var st unix.Stat_t
	return unix.Lstat(dir+"/fd/"+itoa(fd), &st) == unix.ENOENT
}

// HighGiven tells that a number which was chosen has been given, or not.
func (s *Shim) HighGiven(fd int) {
	h := &s.highs
	h.mu.Lock()
	defer h.mu.Unlock()
	h.given &^= 1 << (fd - High)
}

// conditions are those under which a call is trapped.
func (s Spec) conditions(needs need) []ArgEquals {
	high := highCalls[s.Name]
	switch {
	case high == nil || needs&needWrites == 0:
		return s.only
	case s.needs&needs == needWrites:
		return high
	}
	return slices.Concat(s.only, high)
}
