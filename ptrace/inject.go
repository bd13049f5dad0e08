package ptrace

import (
	"golang.org/x/sys/unix"
)

// An injection is one or more calls that a stopped thread makes on the
// supervisor's behalf. The first takes the place of the call that the thread
// is stopped in; for each further one the thread goes back over its syscall
// instruction with other registers. Other threads are served meanwhile.
type injection struct {
	*Stopped
	saved   registers // the program's own, put back at the end
	away    bool      // the thread is out of the call that it was stopped in
	site    site      // where it made that, once known
	blocked bool
	mask    uint64 // the program's signal mask, while blocked
	ending  func() // told before the program's own calls can follow
}

// inject begins, at a seccomp stop.
func (s *Stopped) inject() (*injection, error) {
	in := &injection{Stopped: s}
	if s.readRegisters() != 0 {
		return nil, errGone
	}
	in.saved = s.loop.regs
	return in, nil
}

// call makes call nr and returns its result, -errno when it fails. Its error is
// errGone: there is nothing left to do, not even end.
func (in *injection) call(nr int, args ...uint64) (int64, error) {
	var a [6]uint64
	copy(a[:], args)
	regs := in.saved
	if !in.away {
		regs.setArgs(&a)
		regs.setNumber(nr)
		in.away = true
		return in.makeCall(&regs)
	}
	if err := in.block(); err != nil {
		return 0, err
	}
	for {
		if err := in.another(nr, &a, func() unix.Errno { return 0 }); err != nil {
			return 0, err
		}
		if regs.get(in.tid) != 0 {
			return 0, errGone
		}
		if r := regs.result(); !restarts(r) {
			return r, nil
		}
		// It slept and PTRACE_INTERRUPT or SIGSTOP woke it: once more.
	}
}

// another makes a call that is not the first.
func (in *injection) another(nr int, args *[6]uint64, atEntry func() unix.Errno) error {
	if in.site == siteUnknown {
		in.site = sitePlain
		if in.order == seccompFirst { // gVisor, or an old Linux
			in.site = in.siteOf(&in.saved)
		}
	}
	return in.makeAnother(&in.saved, in.site, nr, args, atEntry)
}

// sleep makes a call that may sleep without end, and that the program's signals end as
// they would have ended its own: then the result is that the program's call is to be
// made anew, by the kernel's rules. It must not be the first.
func (in *injection) sleep(nr int, args ...uint64) (int64, error) {
	var a [6]uint64
	copy(a[:], args)
	if err := in.block(); err != nil {
		return 0, err
	}
	// The mask is changed in the call, so that no handler begins between calls.
	in.sleeping = true
	all := ^uint64(0)
	err := in.another(nr, &a, func() unix.Errno { return setSignalMask(in.tid, &in.mask) })
	in.sleeping = false
	var regs registers
	if err != nil || setSignalMask(in.tid, &all) != 0 || regs.get(in.tid) != 0 {
		return 0, errGone
	}
	result := regs.result()
	if restarts(result) {
		// A thread looks at such a result when it looks for signals. Whether it does is
		// not sure any more, if this one was meant for all threads.
		in.trapAgain = true
	}
	return result, nil
}

// wholeCallWith lets the thread run through its next call, from entry to exit, and
// does something at the entry.
func (s *Stopped) wholeCallWith(atEntry func() unix.Errno) error {
	if err := s.nextSyscallStop(); err != nil {
		return err
	}
	if s.order == seccompFirst {
		// A filter of the tracee's own can refuse the call there before it gets
		// to its entry stop.
		if entry, errno := s.atEntry(); errno != 0 {
			return errGone
		} else if !entry {
			return nil
		}
	}
	if atEntry() != 0 {
		return errGone
	}
	return s.nextSyscallStop()
}

// block keeps signals away while the thread passes through user space between
// calls: they stay pending, with all that belongs to them.
func (in *injection) block() error {
	if in.blocked {
		return nil
	}
	all := ^uint64(0)
	if signalMask(in.tid, &in.mask) != 0 || setSignalMask(in.tid, &all) != 0 {
		return errGone
	}
	in.blocked = true
	return nil
}

// end puts everything back and lets the program go on, with result as what its
// own call returned.
func (in *injection) end(result int64) {
	if in.ending != nil {
		in.ending()
		in.ending = nil
	}
	if in.blocked && setSignalMask(in.tid, &in.mask) != 0 {
		return
	}
	if in.away {
		in.leave(&in.saved, result)
		return
	}
	in.saved.setNumber(-1)
	in.saved.setResult(result)
	if in.saved.set(in.tid) == 0 {
		in.entered = true
		in.resume(0)
	}
}

// restarts tells whether a result is one of ERESTARTSYS, ERESTARTNOINTR,
// ERESTARTNOHAND and ERESTART_RESTARTBLOCK of include/linux/errno.h, which only
// tracers see.
func restarts(result int64) bool {
	switch result {
	case -512, -513, -514, -516:
		return true
	}
	return false
}

// redZone is what lies below the stack pointer and still belongs to a leaf
// function (System V ABI for x86-64, 3.2.2). Below that is nobody's.
const redZone = 128

// scratch is a borrowed piece of a stopped thread's memory, whole words.
type scratch struct {
	addr     uint64
	was, now []byte
	// kernels is set where a call has the kernel write here too, so that now is
	// no longer what is there.
	kernels bool
	// mapped, where not 0, is the size of a mapping that was made for it.
	mapped uint64
}

// borrow puts what fill makes below the thread's red zone, and remembers what
// was there. It is kept small: a goroutine's stack, which lies in the heap, has
// little room below its last frame.
func (in *injection) borrow(size int, fill func(addr uint64) []byte) (scratch, error) {
	size = (size + 15) &^ 15
	m := scratch{was: make([]byte, size)}
	m.addr = (in.saved.stack() - redZone - uint64(size)) &^ 15
	if n, err := in.ReadMemory(m.addr, m.was); err != nil || n < size {
		// The stack's mapping ends just here. What lies above the pointer is the
		// frame that waits for this call: it sleeps until we have put it back.
		m.addr = (in.saved.stack() + 15) &^ 15
		if n, err = in.ReadMemory(m.addr, m.was); err != nil || n < size {
			return scratch{}, unix.EFAULT
		}
	}
	m.now = append([]byte(nil), m.was...) // what is not needed need not be written
	copy(m.now, fill(m.addr))
	return m, in.exchange(m.addr, m.was, m.now)
}

// giveBack puts back what was there. A thread that has been killed needs nothing.
func (in *injection) giveBack(m scratch) {
	if m.kernels {
		_ = in.WriteMemory(m.addr, m.was)
		return
	}
	_ = in.exchange(m.addr, m.now, m.was)
}
