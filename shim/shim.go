package shim

import (
	"time"

	"github.com/rs/zerolog"

	"github.com/shimrun/shimrun/fakefs"
)

// Shim is one policy at work: a tree of served names, the lies about
// filesystems, and what has been handed out so far. It is shared by all the
// threads of a supervisor.
type Shim struct {
	tree *fakefs.Tree
	log  zerolog.Logger
}

// Options of a [Shim].
type Options struct {
	Log zerolog.Logger
	// Timing measures each call from stop to answer, for --stats and --metrics.
	Timing bool
}

// New makes the policy of a tree ready to answer.
func New(tree *fakefs.Tree, opt Options) (*Shim, error) {
	return &Shim{tree: tree, log: opt.Log}, nil
}

// Traps lists the calls that this policy needs to see, and no others.
func (s *Shim) Traps() []Trap { return nil }

// Close gives back every descriptor that the shim holds.
func (s *Shim) Close() error { return nil }

// A Worker answers calls on one thread: it owns the buffers that the hot path
// needs, so that nothing is allocated there. It is not safe for concurrent use;
// make one for each thread of a backend.
type Worker struct {
	shim *Shim
}

// Worker returns a new worker of this shim.
func (s *Shim) Worker() *Worker { return &Worker{shim: s} }

// Handle decides one trapped call. It never panics: a handler's panic is
// logged and answered with Continue.
func (w *Worker) Handle(c *Call) Answer { return Answer{} }

// Answered tells the worker that the call received at start has been answered, for
// the latency figures. Backends call it only where [Shim.Timed].
func (w *Worker) Answered(c *Call, a Answer, start time.Time) {}

// Timed tells whether latencies are wanted.
func (s *Shim) Timed() bool { return false }

// Interest says what a follower has to do with a call of a followed process.
type Interest uint8

const (
	// Ignore: the call is of no interest.
	Ignore Interest = iota
	// Inspect: hand the call to [Worker.HandleFollowed] at its entry.
	Inspect
	// Recheck: after the call's exit, ask [Shim.Follows] whether the process still needs following.
	Recheck
)

// FollowInterest classifies a system call number for followers: write(2) and
// its kin are inspected, close(2), dup2(2), execve(2) and their kin rechecked.
func FollowInterest(nr int) Interest { return Ignore }

// HandleFollowed decides a call made by a followed process: a write to a
// served file is validated and carried out here; all else continues.
func (w *Worker) HandleFollowed(c *Call) Answer { return Answer{} }

// Follows tells whether process tgid still holds a writable served
// descriptor, so that its writes have to be seen.
func (s *Shim) Follows(tgid int) bool { return false }
