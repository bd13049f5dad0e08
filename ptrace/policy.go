package ptrace

import (
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// FilterData is the value that our filter returns beside SECCOMP_RET_TRACE, "sh".
// A stop with another value is a filter of the tracee's own: it gets what it
// would get without a tracer, ENOSYS (seccomp(2)).
const FilterData = 0x7368

// Traps lists the calls that the tracer itself wants to see, besides those of
// the policy: ptrace, to say once that it cannot work, and clone with
// CLONE_UNTRACED, whose child would keep the filter without a tracer; the flag
// is taken off. clone3 has its flags in memory, where no filter can look, so
// every one of them is stopped: little beside the stops of a new thread. execve,
// for what gVisor forgets at it: see [Stopped.lookBeforeExec]. unshare and
// close_range where a thread leaves its process's descriptor table: see [files].
func Traps() []shim.Trap {
	return []shim.Trap{
		{Name: "ptrace", Nr: unix.SYS_PTRACE},
		{Name: "clone", Nr: unix.SYS_CLONE, Only: []shim.ArgEquals{
			{Arg: 0, Mask: unix.CLONE_UNTRACED, Value: unix.CLONE_UNTRACED},
		}},
		{Name: "clone3", Nr: unix.SYS_CLONE3},
		{Name: "execve", Nr: unix.SYS_EXECVE},
		{Name: "execveat", Nr: unix.SYS_EXECVEAT},
		{Name: "unshare", Nr: unix.SYS_UNSHARE, Only: []shim.ArgEquals{
			{Arg: 0, Mask: unix.CLONE_FILES, Value: unix.CLONE_FILES},
		}},
		{Name: "close_range", Nr: unix.SYS_CLOSE_RANGE, Only: []shim.ArgEquals{
			{Arg: 2, Mask: unix.CLOSE_RANGE_UNSHARE, Value: unix.CLOSE_RANGE_UNSHARE},
		}},
	}
}

// handler answers calls, one at a time. In life it is a worker.
type handler interface {
	Passes(*shim.Call) bool
	Handle(*shim.Call) shim.Answer
	HandleFollowed(*shim.Call) shim.Answer
}

// policy is what a loop asks. In life it is a shim and a worker; tests force answers.
type policy interface {
	handler
	// Handler is another one, for another thread.
	Handler() handler
	// Serve tells whether tracees may serve files, so that handlers wait for them.
	Serve() bool
	Finish(c *shim.Call, result int64) shim.Answer
	Waits(*shim.Call) bool
	Interest(nr int) shim.Interest
	// Drops tells whether a call of interest for a recheck may close a served file.
	Drops(*shim.Call) bool
	// Handed is told of a descriptor for ours that has a high number, and takes ours.
	Handed(fd int)
	// Follows tells whether the descriptor table of a thread has a writable served file.
	Follows(tid int) bool
	// PassesOn is told that a thread may hand its descriptors to one that is not followed.
	PassesOn(tid int)
	// Leave is told that a thread is no more, or goes on untraced.
	Leave(*shim.Place)
	Forked(parent, child int)
	Ended(tgid int, status unix.WaitStatus)
	Traps() []shim.Trap
	Timed() bool
	Answered(*shim.Call, shim.Answer, time.Time)
}

// shimPolicy is a shim with one worker of its own for the tracing thread.
type shimPolicy struct {
	*shim.Shim
	*shim.Worker
}

func newPolicy(sh *shim.Shim) policy { return shimPolicy{sh, sh.Worker()} }

func (p shimPolicy) Handler() handler { return p.Shim.Worker() }

func (shimPolicy) Interest(nr int) shim.Interest { return shim.FollowInterest(nr) }
