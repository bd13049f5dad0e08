package shim

import (
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// strays are the files of writers that are not followed: because another tracer has them,
// because the supervisor may not look at them, or because a descriptor was, or may have
// been, sent to them.
// What they write goes into a file which nobody else reads. It is looked at when somebody
// opens the node: taken if the kernel would have, and left where it is if not.
type strays struct {
	mu   sync.Mutex
	all  []stray
	most int
}

type stray struct {
	fd   int
	is   identity
	node *fakefs.Node
	was  string
}

// mostStrays bounds them, and so does the limit on descriptors: the oldest goes, with
// what it may still be written.
const mostStrays = 64

// Unfollowed tells the shim that the process which is about to be given a descriptor
// for fd, to write to a served file, could not be followed.
func (s *Shim) Unfollowed(fd int) {
	var st unix.Stat_t
	if fstat(fd, &st) != 0 {
		return
	}
	h, ok := s.handed.get(identityOf(&st))
	if !ok || h.node.Content == nil {
		return
	}
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, highest)
	if err != nil {
		return
	}
	s.watch(own, h.node, identityOf(&st), textIn(own))
}

// Handed tells the shim that a process has been given a descriptor for our fd that has a
// high number: it may send that to one which gets it under another number, unseen. The
// descriptor fd is the shim's from then on.
func (s *Shim) Handed(fd int) {
	var st unix.Stat_t
	if fstat(fd, &st) == 0 {
		if h, ok := s.handed.get(identityOf(&st)); ok {
			s.watch(fd, h.node, identityOf(&st), "")
			return
		}
	}
	unix.Close(fd)
}

// PassesOn tells the shim that a thread may hand its descriptors to one that is not
// followed, by a message.
func (s *Shim) PassesOn(tid int) {
	dir := "/proc/" + itoa(tid) + "/fd/"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		object, err := unix.Open(dir+e.Name(), unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		var st unix.Stat_t
		if fstat(object, &st) == 0 {
			h, ok := s.handed.get(identityOf(&st))
			if n, _ := strconv.Atoi(e.Name()); ok && h.node.Content != nil && openForWriting(tid, n) {
				if own, err := unix.Open("/proc/self/fd/"+itoa(object), unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
					own = raise(own)
					s.watch(own, h.node, identityOf(&st), textIn(own))
				}
			}
		}
		unix.Close(object)
	}
}

// watch takes in a file that may be written to by who is not followed.
// was is what it says by itself: nothing, of a file that is only written to.
func (s *Shim) watch(own int, n *fakefs.Node, is identity, was string) {
	t := &s.strays
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.ContainsFunc(t.all, func(other stray) bool { return other.is == is }) {
		unix.Close(own)
		return
	}
	if t.most == 0 {
		t.most = max(1, min(mostStrays, mostKept()/4))
	}
	if len(t.all) == t.most {
		unix.Close(t.all[0].fd)
		t.all = t.all[1:]
	}
	t.all = append(t.all, stray{own, is, n, was})
	s.unfollowed.Store(true)
}

// adoptStrays takes over what was written to a node by writers that nobody followed.
func (s *Shim) adoptStrays(n *fakefs.Node, v fakefs.View) {
	if !s.unfollowed.Load() {
		return
	}
	t := &s.strays
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.all {
		written := &t.all[i]
		if written.node.Name != n.Name { // a node of a pattern is made for each look-up
			continue
		}
		is := textIn(written.fd)
		if is == written.was {
			continue
		}
		written.was = is
		if _, err := n.Content.Write(v, []byte(is), 0); err != nil {
			s.log.Warn().Str("file", n.Name).Str("written", is).Err(err).
				Msg("a value was refused only after its write had succeeded: its process could not be followed")
		}
	}
}

// textIn is what a memfd holds, as far as a value can be long.
func textIn(fd int) string {
	buf := make([]byte, pathMax)
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}
