package seccomp

import (
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/pace"
	"github.com/shimrun/shimrun/shim"
)

// A Worker decides calls on one thread; [shim.Worker] is the one.
type Worker interface {
	Passes(*shim.Call) bool
	// Aside is what calls that pass are told by outside of Go's runtime; without
	// one, none pass there.
	Aside() shim.Aside
	// Ahead brings what was found there of a call that does not pass.
	Ahead(c *shim.Call, length int, looked bool, e unix.Errno)
	Handle(*shim.Call) shim.Answer
	Answered(*shim.Call, shim.Answer, time.Time)
}

// A Follower watches every call of a process by ptrace, for the moments that a
// filter cannot see. Package seccomp knows no ptrace: its caller brings one.
//
// Where it leads a thread, waits tells whether that still waits for the answer to its
// call. The number may be that of another thread which has executed a set-user-ID
// program meanwhile, and must not be led.
type Follower interface {
	// Follow begins to follow the process of the thread tid, which is held in
	// a notification. It returns at once.
	Follow(tid int) error
	// FollowOn begins to follow a process again that another supervisor has followed.
	FollowOn(tgid int) error
	// Enter makes the thread tid, once its present call has been answered, enter the
	// directory behind our descriptor fd; what the thread sees is the outcome of that. It
	// returns at once.
	Enter(tid int, waits func() bool, fd int) error
	// Open makes the thread tid, once its present call has been answered, open the
	// object behind our descriptor fd, an O_PATH one, by itself; what the thread sees is
	// the outcome of that. It returns at once.
	Open(tid int, waits func() bool, fd, flags int) error
	// OpenNamed makes the thread tid, once its present call has been answered, make the
	// call of an answer that has a name; what the thread sees is the outcome of that. It
	// returns at once. Leads tells whether the calls that the thread makes now are those
	// that it is led to make, by this or any of the others.
	OpenNamed(tid int, waits func() bool, a shim.Answer) error
	Leads(tid int) bool
}

// A Server answers the notifications of one listener.
//
// It begins with one receiver: a goroutine locked to its thread, for a program
// that makes one call at a time is served fastest by one thread on the same
// CPU. More join while several threads of the tracees call at once, because
// handing over a descriptor blocks until the tracee has run, and while a
// handler is stuck (pool.go).
type Server struct {
	Listener *Listener
	// NewWorker makes the worker of one more receiver.
	NewWorker func() Worker
	// Timed has each worker told when its answer is out.
	Timed bool
	// Follower is nil where processes cannot be followed. Unfollowed, where not
	// nil, is told of every process that could not be.
	Follower   Follower
	Unfollowed func(fd int)
	// High, where not nil, has numbers for descriptors that are written to.
	High High
	// Journal, where not nil, keeps what is being answered past this process's death.
	Journal *Journal
	// Apart, where not nil, calls each receiver's loop until that is done, and
	// tells it when it has to return, and will be called again.
	Apart func(loop func(spent func() bool) (done bool))
	// Lost, where not nil, is called when the other end of the connection Watched has
	// been closed, and gives the one to watch from then on, -1 for none.
	Watched int
	Lost    func() int
	Log     zerolog.Logger

	pool pool
	// descriptors is this process's own /proc/self/fd: a name in there has one
	// component to look up instead of four.
	descriptors int
	followOnce  sync.Once
	unexpected  sync.Once
}

// Serve answers until no task has the filter any more. Its receivers may stay
// behind in a call that nothing ends: the process is expected to exit.
func (s *Server) Serve() error {
	var err error
	if s.descriptors, err = ownDescriptors(); err != nil {
		return err
	}
	if left := s.Journal.unanswered(); len(left) > 0 {
		s.takeOver(left)
	}
	s.pool.start(s)
	err = s.Listener.AwaitEmpty(s.Watched, s.Lost)
	s.pool.stop()
	return err
}

// High has the numbers that the filter knows: see [shim.High].
type High interface {
	// ChooseHigh finds one that thread tid, which is held in a notification, has free,
	// and HighGiven is told when it has it.
	ChooseHigh(tid int) (fd int, ok bool)
	HighGiven(fd int)
	// Handed is told of our descriptor for what was given, and takes it.
	Handed(fd int)
}

// ownDescriptors opens /proc/self/fd, above the low numbers: what a tracee asks
// of /dev/fd/3 is looked up here first, and should find nothing.
func ownDescriptors() (int, error) {
	const name, high = "/proc/self/fd", 512
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	if up, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, high); err == nil {
		unix.Close(fd)
		return up, nil
	}
	return fd, nil
}

// takeOver answers what a server before this one received and did not answer.
// What it did answer just before its death gets ENOENT now, and that is all. A descriptor
// that it has given is the answer, but where it died before it was told which.
func (s *Server) takeOver(left []*notification) {
	for _, n := range left {
		if r := s.newReceiver(n); n.given > 0 {
			r.respond(response{val: n.given - 1})
		} else {
			r.decide()
		}
		n.clear()
	}
	s.Log.Warn().Int("calls", len(left)).Msg("took over from a supervisor that died, with the calls it had not answered")
}

// receiver is one thread that receives and answers. All that a call needs is
// in here, so that the pass path allocates nothing.
type receiver struct {
	server *Server
	worker Worker
	aside  shim.Aside
	seat   seat // its place in the pool
	wake   chan struct{}

	call         shim.Call
	tracee       tracee
	notification *notification // in the journal
	response     response
	addFD        addFD
	path         [32]byte // "N", a name in /proc/self/fd
}

func (s *Server) newReceiver(n *notification) *receiver {
	r := &receiver{server: s, worker: s.NewWorker(), notification: n, wake: make(chan struct{}, 1)}
	if !s.Timed {
		r.aside = r.worker.Aside()
	}
	r.tracee.listener, r.tracee.follower = s.Listener, s.Follower
	r.tracee.id = &r.notification.id
	r.call.Tracee = &r.tracee
	return r
}

// run receives and answers until the pool lets it go.
func (r *receiver) run() {
	// Never unlocked: the thread belongs to this loop.
	runtime.LockOSThread()
	if r.server.Apart != nil {
		r.server.Apart(r.loop)
		return
	}
	r.loop(nil)
}

// turns is how often a receiver looks whether its time is used up.
const turns = 64

func (r *receiver) loop(spent func() bool) (done bool) {
	var pace pace.Pace
	for n := 1; r.server.pool.stays(r); n++ {
		if spent != nil && n%turns == 0 && spent() {
			return false
		}
		pace.Turn()
		errno, moved := r.receive()
		r.server.pool.notice(r)
		if moved {
			r.report()
			continue
		}
		switch errno {
		case 0:
			r.decide()
			r.notification.clear()
			r.seat.done()
		case unix.EINTR, unix.ENOENT:
			// ENOENT: the tracee was killed, or interrupted by a signal,
			// between its notification and our receiving it. A kernel that
			// says so for a listener without tasks must not be asked forever.
			if r.server.Listener.empty() {
				return true
			}
		default:
			r.server.failed(errno, "receive a notification")
			return true
		}
	}
	return true
}

// report tells of an answer that could not be sent.
func (r *receiver) report() {
	if errno := unix.Errno(r.seat.failed); errno != 0 {
		r.seat.failed = 0
		r.server.failed(os.NewSyscallError("ioctl SECCOMP_IOCTL_NOTIF_SEND", errno), "answer a call")
	}
}

// decide answers the notification that was received.
func (r *receiver) decide() {
	n := r.notification
	if n.pid == 0 {
		// A thread that our pid namespace cannot see, so one that no look
		// into /proc can find.
		r.reply(shim.Answer{})
		return
	}
	if n.data.arch != ownArch {
		// By a filter that is not ours (a container's): the number means another call.
		r.reply(shim.Answer{})
		return
	}
	r.tracee.tid = int(n.pid)
	r.call.Nr = int(n.data.nr)
	r.call.Args = n.data.args
	r.call.TID = int(n.pid)
	if r.server.Timed {
		start := time.Now()
		answer := r.worker.Handle(&r.call)
		r.reply(answer)
		r.worker.Answered(&r.call, answer, start)
		return
	}
	// Most calls have been asked in C already; but not the first one after a while,
	// nor those of a server that took over.
	switch {
	case r.seat.told && r.seat.read:
		r.worker.Ahead(&r.call, int(r.seat.length), r.seat.looked, unix.Errno(r.seat.err))
	case r.seat.told:
	case r.worker.Passes(&r.call):
		r.letPass()
		return
	}
	r.reply(r.worker.Handle(&r.call))
}

// failed reports once what should not happen. Calls are continued by whoever
// is left; nothing of it is the tracee's fault.
func (s *Server) failed(err error, doing string) {
	s.unexpected.Do(func() {
		s.Log.Error().Err(err).Msgf("cannot %s; this is a bug in shimrun, and --backend ptrace goes around it", doing)
	})
}
