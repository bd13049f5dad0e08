package shim

import (
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// as runs f on this thread with the ids of a tracee, so that the kernel allows
// what it would allow the tracee. It tells whether that was possible. A root
// that gave up some capabilities is taken for a whole one.
//
// The calls are raw, for those of package unix change every thread.
func (s *Shim) as(who *status, f func()) bool {
	self := &s.virtual.self
	if who.uid == self.uid && who.euid == self.euid && who.gid == self.gid && who.egid == self.egid &&
		slices.Equal(who.groups, self.groups) {
		f()
		return true
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ok := setIDs(who)
	if ok {
		f()
	}
	// Back: the saved id is still the supervisor's.
	unix.RawSyscall(unix.SYS_SETRESUID, uintptr(self.uid), uintptr(self.euid), ^uintptr(0))
	unix.RawSyscall(unix.SYS_SETRESGID, uintptr(self.gid), uintptr(self.egid), ^uintptr(0))
	setGroups(self.groups)
	// Changing ids makes a process undumpable, and then tracees may not open
	// what is handed out (ptrace(2), "access mode checking").
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0)
	return ok
}

func setIDs(who *status) bool {
	if !setGroups(who.groups) {
		return false
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, uintptr(who.gid), uintptr(who.egid), ^uintptr(0)); e != 0 {
		return false
	}
	_, _, e := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(who.uid), uintptr(who.euid), ^uintptr(0))
	return e == 0
}

func setGroups(groups []uint32) bool {
	var first *uint32
	if len(groups) > 0 {
		first = &groups[0]
	}
	_, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(first)), 0)
	runtime.KeepAlive(groups)
	return e == 0
}

// callOn makes call nr with some of its arguments replaced by buffers.
func callOn(nr int, args [6]uint64, at map[int][]byte) (int64, unix.Errno) {
	var a [6]uintptr
	for i, v := range args {
		a[i] = uintptr(v)
	}
	for i, b := range at {
		a[i] = uintptr(unsafe.Pointer(unsafe.SliceData(b)))
	}
	r, _, e := unix.Syscall6(uintptr(nr), a[0], a[1], a[2], a[3], a[4], a[5])
	runtime.KeepAlive(at)
	return int64(r), e
}
