package ptrace

import (
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// mostBelowStack bounds what is borrowed below a thread's stack pointer for a name: there
// need not be room for more (a goroutine's stack has some 900 bytes below its last frame).
const mostBelowStack = 128

// openNamed makes the call of a Finish that has a name, and lets the thread go on with
// its result. What the name is copied to no other thread knows of.
func (in *injection) openNamed(a shim.Answer) {
	m, err := in.placeName(a.Name)
	if err != nil {
		return
	}
	if m.addr != 0 { // else there is no room for it: the kernel reads the program's own
		a.Args[a.NameAt] = m.addr
	}
	call := in.call
	if a.Itself {
		if !in.away {
			// A call that sleeps must not be the first.
			if _, err := in.call(unix.SYS_GETPID); err != nil {
				return
			}
		}
		call = in.sleep
	}
	result, err := call(a.Nr, a.Args[:]...)
	if err != nil {
		return
	}
	if in.takeName(m) == nil {
		in.end(result)
	}
}

// placeName puts a name where the thread can give it to the kernel: below its stack, or
// in memory of its own where it is long. No room is no error.
func (in *injection) placeName(name []byte) (scratch, error) {
	if len(name) <= mostBelowStack {
		if m, err := in.borrow(len(name), func(uint64) []byte { return name }); err == nil {
			return m, nil
		}
	}
	m := scratch{mapped: uint64(len(name))}
	addr, err := in.call(unix.SYS_MMAP, 0, m.mapped, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uint64(0), 0)
	if err != nil {
		return scratch{}, err
	}
	if m.addr = uint64(addr); addr < 0 && addr > -4096 {
		return scratch{}, nil // by a limit, or a filter of its own
	}
	if in.WriteMemory(m.addr, name) != nil {
		return scratch{}, in.takeName(m)
	}
	return m, nil
}

// takeName takes it away again.
func (in *injection) takeName(m scratch) error {
	switch {
	case m.mapped > 0:
		_, err := in.call(unix.SYS_MUNMAP, m.addr, m.mapped)
		return err
	case m.addr != 0:
		in.giveBack(m)
	}
	return nil
}
