package ptrace

import "golang.org/x/sys/unix"

// redZone is what lies below the stack pointer and still belongs to a leaf
// function (System V ABI for x86-64, 3.2.2). Below that is nobody's.
const redZone = 128

// scratch is a borrowed piece of a stopped thread's memory.
type scratch struct {
	addr uint64
	old  []byte
}

// borrow puts data below the thread's red zone, and remembers what was there.
// It is kept small: a goroutine's stack, which can be in the heap, has little
// room below its last frame.
func (s *Stopped) borrow(regs *registers, data []byte) (scratch, error) {
	words := (len(data) + 15) &^ 15
	addr := (regs.stack() - redZone - uint64(words)) &^ 15
	old := make([]byte, len(data))
	n, err := s.ReadMemory(addr, old)
	if err != nil || n < len(old) {
		// The stack ends just here. What lies above the pointer is the frame
		// that waits for this call: it sleeps until we have put it back.
		addr = (regs.stack() + 15) &^ 15
		if n, err = s.ReadMemory(addr, old); err != nil || n < len(old) {
			return scratch{}, unix.EFAULT
		}
	}
	if err := s.WriteMemory(addr, data); err != nil {
		return scratch{}, err
	}
	return scratch{addr, old}, nil
}

// giveBack puts back what was there. A thread that has been killed needs nothing.
func (s *Stopped) giveBack(m scratch) {
	_ = s.WriteMemory(m.addr, m.old)
}
