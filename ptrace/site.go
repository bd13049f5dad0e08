package ptrace

import "golang.org/x/sys/unix"

// site is what stands before the counter of a stopped thread.
type site uint8

const (
	siteUnknown  site = iota
	siteOther         // the thread has not just made a call
	sitePlain         // the instruction that makes calls
	siteReplaced      // what gVisor put there in its place: always the same call
)

// siteOf looks at what a thread with these registers has executed last.
func (t *thread) siteOf(r *registers) site {
	var code [max(replacedSize, len(callInstruction))]byte
	at := code[:]
	n, err := t.ReadMemory(r.counter()-uint64(len(at)), at)
	if err != nil || n < len(at) { // the first instruction of a mapping
		at = code[:len(callInstruction)]
		if n, err = t.ReadMemory(r.counter()-uint64(len(at)), at); err != nil || n < len(at) {
			return siteOther
		}
	}
	switch {
	case string(at[len(at)-len(callInstruction):]) == callInstruction:
		return sitePlain
	case replaced(at):
		return siteReplaced
	}
	return siteOther
}

// makeAnother has a thread that is out of the call that it made there, with the
// registers saved, make another one, up to its exit. What must happen in between is
// done at the entry.
func (s *Stopped) makeAnother(saved *registers, where site, nr int, args *[6]uint64, atEntry func() unix.Errno) error {
	regs := *saved
	if where != siteReplaced {
		regs.setArgs(args)
		regs.again(nr)
		if regs.set(s.tid) != 0 {
			return errGone
		}
		return s.wholeCallWith(atEntry)
	}
	// The thread can only make the call that it has made. A filter of the program's own
	// has let that through, with the arguments that it had; which call it is can be
	// changed behind the filter.
	regs.again(saved.number())
	if regs.set(s.tid) != 0 {
		return errGone
	}
	return s.wholeCallWith(func() unix.Errno {
		if errno := s.become(nr, args); errno != 0 {
			return errno
		}
		return atEntry()
	})
}

// become makes the call that a thread is at the entry of another one.
func (s *Stopped) become(nr int, args *[6]uint64) unix.Errno {
	var regs registers
	if errno := regs.get(s.tid); errno != 0 {
		return errno
	}
	regs.setNumber(nr)
	regs.setArgs(args)
	return regs.set(s.tid)
}
