package shim

// A Call is one system call that a tracee has made and that the policy traps.
// A backend fills it in, hands it to [Worker.Handle], and carries out the [Answer].
// Calls are reused: nothing may keep one after Handle has returned.
type Call struct {
	// Nr is the number of the call on the tracee's architecture (unix.SYS_…).
	Nr int
	// Args are the six argument registers, as the kernel would read them.
	Args [6]uint64
	// TID is the thread that made the call, as the supervisor's pid namespace numbers it.
	TID int
	// TGID is that of its process, 0 where the backend does not know it.
	TGID int
	// Tracee reaches into the stopped thread.
	Tracee Tracee
	// Place is what is kept of the thread from call to call; nil where nothing is.
	Place *Place

	// listing is how far a [Finish] answer to getdents has come.
	listing listing
}

// Tracee is a thread that is held at the entry of a system call. The backend
// that holds it implements this; it is valid until the call is answered.
type Tracee interface {
	// ReadMemory fills buf from the tracee's memory at addr and returns how
	// many bytes could be read: fewer than len(buf) where the mapping ends.
	// It must not allocate. A wholly unreadable address gives 0 and EFAULT.
	ReadMemory(addr uint64, buf []byte) (int, error)

	// WriteMemory stores data at addr, all of it or an error (EFAULT where the
	// tracee itself could not have written).
	WriteMemory(addr uint64, data []byte) error

	// Valid tells whether the tracee still waits in this very call: the check
	// that must follow any look into /proc/TID, since a TID can be reused.
	Valid() bool

	// CanRewrite tells whether an [Rewrite] answer is possible: the ptrace
	// backend can change argument registers, user notification cannot.
	CanRewrite() bool

	// WantsCopy tells whether an open that is left to the kernel should be answered by a
	// [Finish] with a copy of the name: the backend can do that, the call is none that it has
	// the tracee make, and another thread of the tracee's could change the name.
	WantsCopy() bool
}
