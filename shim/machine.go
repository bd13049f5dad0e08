package shim

import (
	"golang.org/x/sys/unix"
)

// uname(2) and sysinfo(2): what the profile declares, and the kernel's own
// words for the rest. Both are asked of the supervisor's kernel, whose uts
// namespace is the one that the tracee was started in.

func (w *Worker) uname(c *Call) Answer {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return Answer{}
	}
	told := w.shim.tree.Profile().Uname()
	put(u.Sysname[:], told.Sysname)
	put(u.Nodename[:], told.Nodename)
	put(u.Release[:], told.Release)
	put(u.Version[:], told.Version)
	put(u.Machine[:], told.Machine)
	put(u.Domainname[:], told.Domainname)
	if err := c.Tracee.WriteMemory(c.Args[0], bytesOf(&u)); err != nil {
		return unwritable(err)
	}
	w.count.node(lieUname)
	return Answer{Kind: Return}
}

// put stores a told name with its NUL; an empty one leaves the kernel's.
func put(field []byte, name string) {
	if name == "" {
		return
	}
	clear(field)
	copy(field[:len(field)-1], name)
}

func (w *Worker) sysinfo(c *Call) Answer {
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) != nil {
		return Answer{}
	}
	told := w.shim.tree.Profile().Memory
	unit := uint64(max(si.Unit, 1))
	if told.Total > 0 {
		scale(uint64(si.Totalram), told.Total/unit, &si.Totalram, &si.Freeram, &si.Sharedram, &si.Bufferram)
	}
	if told.Swap > 0 {
		set(&si.Totalswap, told.Swap/unit)
		set(&si.Freeswap, told.Swap/unit)
	}
	if err := c.Tracee.WriteMemory(c.Args[0], bytesOf(&si)); err != nil {
		return unwritable(err)
	}
	w.count.node(lieMemory)
	return Answer{Kind: Return}
}

// scale tells each amount in the proportion that the told total has to the real one.
func scale(was, is uint64, amounts ...*uint64) {
	for _, a := range amounts {
		if was > 0 {
			*a = uint64(float64(*a) / float64(was) * float64(is))
		}
	}
}
