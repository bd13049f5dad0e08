package runtime

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/ptrace"
	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// Names of backends, as in [Plan.Backend].
const (
	BackendAuto    = "auto"
	BackendSeccomp = "seccomp"
	BackendPtrace  = "ptrace"
)

// supervisorName is argv[0] of a supervisor, by which start.c knows it.
const supervisorName = "shimrun-supervisor"

// The descriptors that a supervisor is started with, after the usual three.
const (
	supervisorConn     = 3
	supervisorDocument = 4
	supervisorFront    = 5 // /dev/null where there is no front
)

// A process that was started as the supervisor never reaches main: whatever
// program this package is part of (a test, say) can be its own supervisor.
func init() {
	if role() == roleSupervisor {
		os.Exit(superviseMain())
	}
}

// supervisor answers the calls of one command and of all that it starts.
type supervisor struct {
	plan     Plan
	conn     conn
	guardian guardian
	command  int // the launcher, which becomes the command
	policy   policy
	log      zerolog.Logger
	backend  atomic.Value // of string, once it is chosen
}

func (s *supervisor) figures() figures {
	backend, _ := s.backend.Load().(string)
	return figures{Snapshot: s.policy.Snapshot(), Backend: backend, Supervisor: ownUsage()}
}

func superviseMain() int {
	// A session of its own keeps the terminal's signals away; these come from
	// service managers, which signal a whole cgroup. The supervisor ends when
	// its last tracee has, and no earlier.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	for _, fd := range []int{supervisorConn, supervisorDocument, supervisorFront} {
		unix.CloseOnExec(fd)
	}
	unix.Umask(0o077)
	liftLimits()

	s := &supervisor{conn: supervisorConn, guardian: myGuardian(), log: zerolog.Nop()}
	left, successor := predecessor()
	if err := s.prepare(); err != nil {
		if !successor {
			_ = s.conn.send(hello{PID: os.Getpid(), Err: err.Error()})
		}
		return StatusFailed
	}
	// The policy is not closed: a receiver may still be at the call of a task
	// that was killed, and the end of the process closes everything.
	front := make(chan struct{})
	go func() {
		defer close(front)
		// Ends at once where descriptor 5 is no socket: nobody wants figures.
		serveFront(supervisorFront, s.figures)
	}()
	var err error
	if successor {
		s.command = left.command
		err = s.succeed(left)
	} else {
		err = s.serve()
	}
	s.policy.Unmount()
	<-front
	if err != nil {
		s.log.Error().Err(err).Msg("the supervisor ends early: the command's calls fail from now on")
		return StatusFailed
	}
	return 0
}

// prepare reads the plan and makes the policy.
func (s *supervisor) prepare() error {
	if err := readDocument(supervisorDocument, &s.plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	var err error
	if s.log, err = newLogger(s.plan.Log); err != nil {
		return err
	}
	if s.policy, err = newPolicy(s.plan, s.log); err != nil {
		return err
	}
	if s.plan.Metrics != "" {
		return startMetrics(s.plan.Metrics, s.policy, s.log)
	}
	return nil
}

// serve comes to terms with the launcher, and then answers calls until the
// last task under the filter is gone.
func (s *supervisor) serve() error {
	if s.plan.Adopts {
		return s.adopt()
	}
	if len(s.policy.Traps()) == 0 {
		return s.conn.send(hello{PID: os.Getpid(), Empty: true})
	}
	peer, err := unix.GetsockoptUcred(int(s.conn), unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_PEERCRED", err)
	}
	s.command = int(peer.Pid)
	if err := s.conn.send(hello{PID: os.Getpid()}); err != nil {
		return err
	}
	var offer offer
	if _, err := s.conn.receive(&offer); err != nil {
		return gone(err)
	}
	s.command = offer.PID
	probe := probeTrap(s.policy.Traps())
	choice := s.choose(offer, probe)
	if err := s.conn.send(choice); err != nil || choice.Err != "" {
		return err
	}
	var handover handover
	fds, err := s.conn.receive(&handover)
	if err != nil {
		return gone(err)
	}
	go s.letGo()
	s.backend.Store(choice.Backend)
	if choice.Backend == BackendPtrace {
		return s.serveTracer(probe.Name)
	}
	if len(fds) != 1 {
		return errors.New("the launcher sent no listener")
	}
	return s.serveListener(fds[0], handover.Flags)
}

// gone makes a launcher that has ended, for a reason that it told the user
// itself, no error of ours.
func gone(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// choose decides between the backends.
func (s *supervisor) choose(o offer, probe shim.Trap) choice {
	if o.Seccomp == "" && s.plan.Backend != BackendPtrace {
		if err := canRead(s.command, o.Address, o.Word); err != nil {
			o.Seccomp = fmt.Sprintf("the supervisor may not read the memory of a process that is not its child (%v; kernel.yama.ptrace_scope=0 or CAP_SYS_PTRACE allows it)", err)
		}
	}
	backend := s.plan.Backend
	switch {
	case backend == BackendPtrace:
	case o.Seccomp == "":
		backend = BackendSeccomp
	case backend == BackendSeccomp:
		return choice{Err: "the seccomp backend cannot work here: " + o.Seccomp + "; try --backend auto"}
	default:
		backend = BackendPtrace
	}
	program, err := filterFor(backend, s.policy)
	if err != nil {
		return choice{Err: fmt.Sprintf("compile the filter: %v", err)}
	}
	answer := choice{Backend: backend, Program: program, Probe: probe.Nr, Args: badArguments(probe)}
	event := s.log.Info().Str("backend", backend)
	if s.plan.Backend == BackendAuto && o.Seccomp != "" {
		event = event.Str("seccomp_lacks", o.Seccomp)
		answer.Lacks = o.Seccomp
	}
	event.Msg("chose the backend")
	return answer
}

// filterFor compiles the policy's traps for a backend.
func filterFor(backend string, p policy) ([]byte, error) {
	traps, action := p.Traps(), seccomp.Notify()
	if backend == BackendPtrace {
		traps, action = append(traps, ptrace.Traps()...), seccomp.Trace(ptrace.FilterData)
	}
	program, err := seccomp.Program(traps, action)
	if err != nil {
		return nil, err
	}
	return seccomp.Encode(program), nil
}

// probeTrap picks the call with which the launcher sees whether it is served:
// one that is trapped in any case, if there is one.
func probeTrap(traps []shim.Trap) shim.Trap {
	for _, trap := range traps {
		if trap.Only == nil {
			return trap
		}
	}
	return traps[0]
}

// badArguments are nothing but bad pointers and descriptors, so that the call
// does nothing should it reach the kernel, but for what makes it trapped.
func badArguments(trap shim.Trap) (args [6]uint64) {
	for i := range args {
		args[i] = ^uint64(0)
	}
	if len(trap.Only) > 0 {
		only := trap.Only[0]
		mask := only.Mask
		if mask == 0 {
			mask = ^uint64(0)
		}
		args[only.Arg] = args[only.Arg]&^mask | only.Value
	}
	return args
}

// serveListener is the seccomp backend.
func (s *supervisor) serveListener(fd int, flags seccomp.Flags) error {
	listener, journal, err := s.openListener(fd, flags)
	if err != nil {
		return err
	}
	if err := listener.Greet(s.command); err != nil {
		return err
	}
	return s.answer(listener, journal)
}

// openListener takes a listener over, and leaves it to the guardian as well.
func (s *supervisor) openListener(fd int, flags seccomp.Flags) (*seccomp.Listener, int, error) {
	listener, err := seccomp.NewListener(fd, flags)
	if err != nil {
		return nil, -1, err
	}
	journal, err := unix.MemfdCreate("journal", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, -1, os.NewSyscallError("memfd_create", err)
	}
	if err := unix.Ftruncate(journal, seccomp.JournalSize); err != nil {
		return nil, -1, os.NewSyscallError("ftruncate", err)
	}
	if err := s.guardian.arm(legacy{s.command, fd, journal, flags}); err != nil {
		s.log.Warn().Err(err).Msg("nobody will take over if the supervisor is killed: the command's calls would fail")
	}
	return listener, journal, nil
}

// succeed takes over from a supervisor that died.
func (s *supervisor) succeed(l legacy) error {
	s.backend.Store(BackendSeccomp)
	listener, err := seccomp.NewListener(l.listener, l.flags)
	if err != nil {
		return err
	}
	go s.letGo()
	return s.answer(listener, l.journal)
}

// answer serves a listener to its end.
func (s *supervisor) answer(listener *seccomp.Listener, journalFD int) error {
	journal, err := seccomp.OpenJournal(journalFD)
	if err != nil {
		return err
	}
	unix.Close(journalFD)
	server := &seccomp.Server{
		Listener:   listener,
		NewWorker:  s.policy.worker,
		Timed:      s.policy.Timed(),
		Follower:   s.policy.follower(s.log),
		Unfollowed: s.policy.Unfollowed,
		Journal:    journal,
		Log:        s.log,
	}
	return server.Serve()
}

// letGo lets go of the launcher's standard error when the command has ended:
// whoever reads it to its end must not wait for the command's daemons.
func (s *supervisor) letGo() {
	awaitExit(s.command)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer null.Close()
	_ = unix.Dup3(int(null.Fd()), 2, 0)
	_ = s.guardian.letGo()
}

// liftLimits frees the supervisor from limits that were meant for the command,
// as far as it may.
func liftLimits() {
	for _, resource := range []int{unix.RLIMIT_CPU, unix.RLIMIT_FSIZE, unix.RLIMIT_NOFILE, unix.RLIMIT_AS, unix.RLIMIT_DATA} {
		var limit syscall.Rlimit
		if syscall.Getrlimit(resource, &limit) != nil {
			continue
		}
		limit.Cur = limit.Max
		_ = syscall.Setrlimit(resource, &limit)
	}
}
