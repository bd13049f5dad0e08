package cgroup

import "golang.org/x/sys/unix"

// A Process is one that lives, as the machine's /proc tells
// (proc_pid_stat(5)).
type Process struct {
	PID, Parent, Group, Session int
	// Start tells a process from an earlier one with its number.
	Start uint64
	// Threads counts those of it.
	Threads int
	// User and System are the time it has used, in nanoseconds; ChildUser and
	// ChildSystem that of its children that it has waited for, and of theirs; RSS
	// its resident memory in bytes.
	User, System, ChildUser, ChildSystem, RSS uint64
	// Stopped tells that it is stopped; Ours that it serves others, and is to get
	// no signals.
	Stopped, Ours bool
}

// Machine is where processes come from: the supervisor's /proc.
type Machine interface {
	// Processes lists all that live; those that only wait for their parent are
	// not among them, as they are in no group.
	Processes() ([]Process, error)
	// Threads lists the thread ids of a process.
	Threads(pid int) ([]int, error)
	// CPUs is how many processors there are, Memory how many bytes of it.
	CPUs() int
	Memory() uint64
}

// A Limited machine has less memory to give than it has: its root groups of
// cgroup v1 say so, for that is where runtimes of languages look.
type Limited interface{ Limit() uint64 }

// Caller is who reads or writes.
type Caller struct {
	// PID is its process, as the machine numbers it, TID its thread.
	PID, TID int
	// UID and GID are those that files are made and opened with.
	UID, GID uint32
	// Admin tells that it has CAP_SYS_ADMIN.
	Admin bool
	// Shown gives the number that a process or thread has for the caller, in
	// whose pid namespace it may not be; Meant is the other way round. nil
	// where the two number alike.
	Shown func(id int) (int, bool)
	Meant func(id int) (int, bool)
	// Owner is the real and saved user of a process (cgroup1_procs_write_permission).
	Owner func(pid int) (uid, saved uint32, ok bool)
	// MayWrite tells whether it may write a file; nil: yes.
	MayWrite func(Attributes) bool
	// Signal sends one as the caller could itself; 0 only asks whether it may.
	Signal func(pid int, sig unix.Signal) error
}

func (c *Caller) signal(pid int, sig unix.Signal) error {
	if c.Signal == nil {
		return unix.EPERM
	}
	return c.Signal(pid, sig)
}

func (c *Caller) shown(id int) (int, bool) {
	if c.Shown == nil {
		return id, true
	}
	return c.Shown(id)
}

func (c *Caller) meant(id int) (int, bool) {
	if c.Meant == nil {
		return id, true
	}
	return c.Meant(id)
}
