package shim

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// uname(2) and sysinfo(2): what the profile declares, the names that a process has of
// its own, and the kernel's own words for the rest.

func (w *Worker) uname(c *Call) Answer {
	var u unix.Utsname
	if !w.unameThere(c, &u) {
		return Answer{}
	}
	told := w.shim.tree.Uname()
	put(u.Sysname[:], told.Sysname)
	put(u.Nodename[:], told.Nodename)
	put(u.Release[:], told.Release)
	put(u.Version[:], told.Version)
	put(u.Machine[:], told.Machine)
	lie := lieUname
	if own, ok := w.shim.hostNames(c.TID); ok {
		told.Nodename, told.Domainname, lie = own.host, own.domain, lieHostName
		put(u.Nodename[:], told.Nodename)
	} else if told == unameNone {
		return Answer{}
	}
	put(u.Domainname[:], told.Domainname)
	if err := c.Tracee.WriteMemory(c.Args[0], bytesOf(&u)); err != nil {
		return unwritable(err)
	}
	w.count.node(lie)
	return Answer{Kind: Return}
}

// unameThere asks the kernel in the tracee's UTS namespace.
func (w *Worker) unameThere(c *Call, u *unix.Utsname) bool {
	there := string(w.ofTracee(c.TID, "ns/uts"))
	theirs, err := os.Readlink(there)
	if own, e := os.Readlink("/proc/self/ns/uts"); err != nil || e != nil || theirs == own {
		return unix.Uname(u) == nil // nearly always, and where nobody can tell
	}
	done := make(chan bool)
	go func() {
		runtime.LockOSThread() // for good: this thread ends in that namespace
		fd, err := unix.Open(there, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Setns(fd, unix.CLONE_NEWUTS)
			unix.Close(fd)
		}
		done <- err == nil && unix.Uname(u) == nil
	}()
	return <-done
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
		free := told.Free(uint64(si.Totalram)*unit, uint64(si.Freeram)*unit)
		set(&si.Totalram, told.Total/unit)
		set(&si.Freeram, free/unit)
		si.Sharedram, si.Bufferram = min(si.Sharedram, si.Totalram), min(si.Bufferram, si.Totalram)
	}
	if told.Swap > 0 {
		free := told.FreeSwap(uint64(si.Totalswap)*unit, uint64(si.Freeswap)*unit)
		set(&si.Totalswap, told.Swap/unit)
		set(&si.Freeswap, free/unit)
	}
	if err := c.Tracee.WriteMemory(c.Args[0], bytesOf(&si)); err != nil {
		return unwritable(err)
	}
	w.count.node(lieMemory)
	return Answer{Kind: Return}
}
