package shim

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// as runs f on this thread with the rights of a tracee: its ids and groups as they
// count for files, and those of its capabilities that count here (credentials(7)).
// So the kernel itself allows f what it would allow the tracee. It tells whether
// that was possible; f has not run where it was not.
//
// Only what counts for files is taken over (setfsuid(2)). Who signals, traces or
// schedules a thread is compared with its other ids, and those stay the
// supervisor's, so that no tracee gets power over it meanwhile. gVisor has no
// setfsuid(2); there the effective id is changed, which for signals and tracers
// counts as little.
//
// The calls are raw, for those of package unix change every thread. A thread that
// cannot be given its own rights back must serve nobody any more, and Go cannot end
// one thread alone in the middle of a call: the process ends.
func (s *Shim) as(who *status, f func()) bool {
	self := &s.self
	caps := who.counting() & self.permitted
	if who.fsuid == self.fsuid && who.fsgid == self.fsgid && caps == self.caps && slices.Equal(who.groups, self.groups) {
		f()
		return true
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := become(who.fsuid, who.fsgid, who.groups, self.permitted, caps)
	if err == nil {
		f()
	}
	if back := become(self.fsuid, self.fsgid, self.groups, self.permitted, self.caps); back != nil {
		s.log.Error().Err(back).Msg("a thread cannot be given its rights back, and the supervisor ends")
		os.Exit(StatusLost)
	}
	// Changing ids makes a process undumpable, and then tracees may not open
	// what is handed out (ptrace(2), "access mode checking").
	unix.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1, 0)
	return err == nil
}

// StatusLost is the exit status of a supervisor one of whose threads has lost its rights.
const StatusLost = 70 // EX_SOFTWARE, sysexits.h

// become changes this thread's rights over files, and checks that they are those.
func become(uid, gid uint32, groups []uint32, permitted, effective uint64) error {
	// First everything that is permitted: setgroups and the ids need it, and to
	// take on a user's id has dropped it.
	if err := setCapabilities(permitted, permitted); err != nil {
		return err
	}
	if err := setGroups(groups); err != nil {
		return err
	}
	set := setEffectiveIDs
	if hasFSIDs() {
		set = setFSIDs
	}
	if err := set(uid, gid); err != nil {
		return err
	}
	return setCapabilities(permitted, effective)
}

// hasFSIDs tells whether the kernel has setfsuid(2). No id is -1, so that this
// changes nothing.
var hasFSIDs = sync.OnceValue(func() bool {
	_, _, e := unix.RawSyscall(unix.SYS_SETFSUID, ^uintptr(0), 0, 0)
	return e == 0
})

// errKept tells that an id was not changed: setfsuid(2) reports no errors.
var errKept = errors.New("the id stays what it was")

func setFSIDs(uid, gid uint32) error {
	for _, id := range []struct {
		nr    uintptr
		value uint32
	}{{unix.SYS_SETFSGID, gid}, {unix.SYS_SETFSUID, uid}} {
		unix.RawSyscall(id.nr, uintptr(id.value), 0, 0)
		if now, _, _ := unix.RawSyscall(id.nr, ^uintptr(0), 0, 0); uint32(now) != id.value {
			return fmt.Errorf("setfsuid, setfsgid: %w", errKept)
		}
	}
	return nil
}

func setEffectiveIDs(uid, gid uint32) error {
	const same = ^uintptr(0)
	// The user's id last on the way there, for it takes the right to change the
	// group's; on the way back become has given that right again.
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESGID, same, uintptr(gid), same); e != 0 {
		return os.NewSyscallError("setresgid", e)
	}
	if _, _, e := unix.RawSyscall(unix.SYS_SETRESUID, same, uintptr(uid), same); e != 0 {
		return os.NewSyscallError("setresuid", e)
	}
	return nil
}

func setGroups(groups []uint32) error {
	var first *uint32
	if len(groups) > 0 {
		first = &groups[0]
	}
	_, _, e := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(first)), 0)
	runtime.KeepAlive(groups)
	if e != 0 {
		return os.NewSyscallError("setgroups", e)
	}
	return nil
}

// setCapabilities changes this thread's sets; the inheritable one stays (capset(2)).
func setCapabilities(permitted, effective uint64) error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if _, _, e := unix.RawSyscall(unix.SYS_CAPGET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&sets[0])), 0); e != 0 {
		return os.NewSyscallError("capget", e)
	}
	for i := range sets {
		sets[i].Permitted, sets[i].Effective = uint32(permitted>>(32*i)), uint32(effective>>(32*i))
	}
	if _, _, e := unix.RawSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&sets[0])), 0); e != 0 {
		return os.NewSyscallError("capset", e)
	}
	return nil
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
