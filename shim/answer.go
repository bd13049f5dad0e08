package shim

import "golang.org/x/sys/unix"

// Kind says what a backend has to do with a trapped call.
type Kind uint8

const (
	// Continue lets the kernel do the call as the tracee asked for it. It is
	// the zero Answer, and the answer on every doubt.
	Continue Kind = iota
	// Fail returns Answer.Errno without doing the call.
	Fail
	// Return returns Answer.Value without doing the call.
	Return
	// Install gives the tracee a new descriptor of its own (the lowest free
	// one, as open(2) would) for the object behind Answer.FD, opened anew with
	// Answer.Flags, and returns its number.
	Install
	// EnterDirectory makes the directory behind Answer.FD the tracee's working
	// directory and returns 0.
	EnterDirectory
	// Rewrite lets the kernel do the call with Answer.Args in place of the
	// tracee's (and as call Answer.Nr where that is not 0), and puts the
	// tracee's registers back afterwards. With Answer.Override the tracee sees
	// Answer.Value as the result in place of the kernel's, unless the kernel's
	// is an error. Only given where [Tracee.CanRewrite].
	Rewrite
	// Finish has the tracee make call Answer.Nr with Answer.Args in place of its
	// own; at its exit the backend asks [Worker.Finish], with the same [Call]
	// and the result, what to do next: Return, Fail, or Finish with another
	// call. Only given where [Tracee.CanRewrite]; with a Name, where [Tracee.WantsCopy],
	// and there nothing follows it: the tracee sees the result.
	Finish
)

// Answer is what [Worker.Handle] decided for one call. It is a plain value:
// the pass path allocates nothing.
type Answer struct {
	Kind  Kind
	Errno unix.Errno // Fail
	Value int64      // Return, Rewrite with Override
	Args  [6]uint64  // Rewrite, Finish
	Nr    int        // Finish; Rewrite: the call to make instead, 0 keeps the tracee's
	// Data, where it is not nil, is written to DataAt in the tracee's memory
	// before the call of a Finish that was given by [Worker.Finish]. When it
	// cannot be, the tracee sees EFAULT, and Finish is not asked again.
	Data   []byte
	DataAt uint64
	// Name, where it is not nil, is what the first call of a Finish has in place of what
	// argument NameAt points to: a copy with its NUL that no other thread of the tracee's
	// knows of, and so none can change.
	Name   []byte
	NameAt int
	// Override replaces the result of a Rewrite with Value.
	Override bool

	// FD is the supervisor's own descriptor for Install and EnterDirectory: a
	// memfd, a pipe end or a directory. It stands in the supervisor's table, so
	// a backend can open it anew through /proc/SUPERVISOR/fd/FD.
	FD int
	// Flags are the open flags for the tracee's descriptor: access mode,
	// O_CLOEXEC, O_NONBLOCK, O_APPEND, O_PATH, O_DIRECTORY; never O_CREAT,
	// O_TRUNC, O_EXCL or O_NOFOLLOW.
	Flags int
	// CloseFD asks the backend to close FD once the call is finished,
	// whatever its outcome.
	CloseFD bool
	// Opened says of an Install that FD was opened for the tracee, with its rights and as
	// it wants it: that very descriptor is handed over, unless the tracee opens it anew by
	// itself. The supervisor would do so with its own rights.
	Opened bool
	// Itself says of an Install or EnterDirectory that no thread of the supervisor may open
	// the object behind FD, an O_PATH descriptor: not what the tracee may not, nor what
	// waits for others without end, as a FIFO does; so it is where Flags say O_PATH, for a
	// backend that has to open it first. The tracee opens or enters it by a call of its
	// own: with its own rights, and so that its signals end the wait. Of a Finish with a
	// Name it says that its call may wait so.
	Itself bool
	// Follow asks for the tracee's process to be followed, every call of it,
	// before it gets the descriptor: it may write to a served file, and only a
	// stop at write(2) itself can refuse a value. See [Shim.Follows]. With Continue the
	// call makes a copy of such a descriptor.
	Follow bool
	// High, of an Install with Follow, allows for the descriptor to have a high number
	// in place of the lowest one (see [High]), where it goes to a process with several
	// threads. Such a descriptor's writes stop by themselves, and nobody is followed.
	// Who was given one is to be told to [Shim.Handed].
	High bool
}
