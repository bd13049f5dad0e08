package shim

import "golang.org/x/sys/unix"

// A Trap is one system call that a filter has to hand to the shim.
type Trap struct {
	// Name is the call's name as seccomp_syscall_resolve_name(3) takes it.
	Name string
	// Nr is its number on this architecture.
	Nr int
	// Only, where not nil, narrows the trap to calls with one of these values
	// in an argument; a backend may trap the call always where comparing
	// arguments costs more than a stop (gVisor caches a filter's verdict only
	// for rules without arguments).
	Only []ArgEquals
}

// ArgEquals holds when argument number Arg (0 to 5), masked, equals Value.
type ArgEquals struct {
	Arg   uint
	Mask  uint64 // 0 means all bits
	Value uint64
}

// Always are the calls that every shim has to see, whatever its policy: userfaultfd(2),
// for after it to read a tracee's memory may be to wait for a tracee.
func Always() []Trap { return []Trap{{Name: "userfaultfd", Nr: unix.SYS_USERFAULTFD}} }
