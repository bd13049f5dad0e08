package shim

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

// succeed takes over what an earlier supervisor has handed out, and has all that this one
// hands out noted for the next.
func (s *Shim) succeed(opt Options) {
	if opt.Ledger == nil {
		return
	}
	h := &s.handed
	if fd, err := makeMemfd("shimrun", nil, closed, false); err == nil {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			h.memory = uint64(st.Dev)
		}
		unix.Close(fd)
	}
	if opt.Made > 0 {
		s.nowhere.inherit(opt.Made, opt.Seen)
		h.nowhere.Store(uint64(s.nowhere.root.Dev))
	}
	s.nowhere.kept = func(made, seen int) {
		if opt.Kept != nil {
			opt.Kept(made, seen)
			h.nowhere.Store(uint64(s.nowhere.root.Dev))
		}
	}
	opt.Ledger.read(s.tree, func(id identity, o *handedOut) {
		if !h.lastsIn(opt.Ledger, id) {
			opt.Ledger.strike(o.slot)
			return
		}
		if o.node.Mode.IsDir() {
			s.passing.addObject(id)
		}
		h.put(id, o)
	})
	h.ledger = opt.Ledger
}

// Writers lists the processes that hold a served file open for writing, in a way that
// no filter sees.
func (s *Shim) Writers() (processes []int) {
	pids, _ := procfs.Numbers("/proc")
	for _, pid := range pids {
		if s.Follows(pid) {
			processes = append(processes, pid)
		}
	}
	return processes
}
