package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

// Names of backends, as in [Plan.Backend].
const (
	BackendAuto    = "auto"
	BackendSeccomp = "seccomp"
	BackendPtrace  = "ptrace"
	// BackendNone is what a run has in which nothing is to be served.
	BackendNone = "none"
)

// supervisorName is argv[0] of a supervisor that is started rather than forked,
// by which start.c knows it; and what every supervisor shows as its arguments.
const supervisorName = "shimrun-supervisor"

// SupervisorComm is what the kernel calls a supervisor, in /proc/PID/comm; start.c sets it.
const SupervisorComm = "shimrun-super"

// The descriptors that a supervisor is started with, after the usual three.
const (
	supervisorConn     = 3
	supervisorDocument = 4
)

// charge is what a supervisor is told that is started rather than forked.
type charge struct {
	Plan Plan `json:"plan"`
	// Launcher is the process that started it, Landmark an address in its memory.
	Launcher int    `json:"launcher"`
	Landmark uint64 `json:"landmark"`
}

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
	launcher launcher
	front    conn // to whoever wants figures, or -1
	guardian *guardian
	lost     []time.Time // when guardians died
	command  int         // the launcher, which becomes the command
	policy   policy
	log      zerolog.Logger
	backend  atomic.Value  // of string, once it is chosen
	gone     chan struct{} // closed when the command has ended, where that is awaited (letGo)
}

func (s *supervisor) figures() figures {
	backend, _ := s.backend.Load().(string)
	return figures{Snapshot: s.policy.Snapshot(), Backend: backend, Supervisor: ownUsage()}
}

// superviseMain is a supervisor that was started, by [Enter] or [Adopt], or the
// successor of one that died.
func superviseMain() int {
	s := &supervisor{front: -1, guardian: myGuardian(), log: zerolog.Nop(), gone: make(chan struct{})}
	if left, successor := predecessor(); successor {
		s.front = conn(predecessors(keptFront))
		if err := json.Unmarshal(predecessorsPlan(), &s.plan); err != nil {
			return StatusFailed
		}
		if err := s.prepare(); err != nil {
			return StatusFailed
		}
		s.standApart(nil)
		s.command = left.command
		if s.plan.Adopts {
			s.policy.Adopted(s.command)
		}
		return s.attend(func() error { return s.succeed(left) })
	}
	unix.CloseOnExec(supervisorConn)
	c := conn(supervisorConn)
	var told charge
	if err := ReadDocument(supervisorDocument, &told); err != nil {
		return StatusFailed
	}
	s.plan = told.Plan
	s.launcher = launcher{c, told.Launcher, told.Landmark}
	serve, problem := s.serve, s.prepare()
	s.standApart(nil)
	if s.plan.Adopts {
		serve = func() error { return s.adopt(c, problem) }
	} else if problem != nil {
		serve = func() error { return s.launcher.exit(StatusFailed, problem.Error()) }
	}
	if problem != nil {
		_ = serve()
		return StatusFailed
	}
	return s.attend(serve)
}

// supervise makes this process, which was forked from a launcher, the
// supervisor of that. It returns only where nothing was ordered yet, with the
// reason.
func supervise(plan Plan, l launcher, front conn) error {
	s := &supervisor{plan: plan, launcher: l, front: front, guardian: myGuardian(), log: zerolog.Nop(), gone: make(chan struct{})}
	if err := s.prepare(); err != nil {
		return failed("%w", err)
	}
	s.standApart(inherited())
	err := s.guardian.ready()
	if err == nil && front >= 0 {
		err = s.guardian.keep(keptFront, int(front))
	}
	if err != nil {
		return failed("the guardian is gone: %w", err)
	}
	os.Exit(s.attend(s.serve))
	return nil
}

// standApart lets go of what is the launcher's and not this process's business,
// such as descriptors.
func (s *supervisor) standApart(descriptors []int32) {
	// A process group of its own keeps the terminal's signals away; these come from
	// service managers, which signal a whole cgroup. The supervisor ends when
	// its last tracee has, and no earlier.
	signal.Ignore(unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGPIPE,
		unix.SIGUSR1, unix.SIGUSR2, unix.SIGTSTP, unix.SIGTTIN, unix.SIGTTOU)
	for _, fd := range descriptors {
		if conn(fd) != s.front {
			unix.Close(int(fd))
		}
	}
	if fewDescriptors() {
		unix.Close(0) // nothing here reads or writes them
		unix.Close(1)
	} else if null, err := unix.Open(os.DevNull, unix.O_RDWR|unix.O_CLOEXEC, 0); err == nil {
		_ = unix.Dup3(null, 0, 0)
		_ = unix.Dup3(null, 1, 0)
		unix.Close(null)
	}
	_ = unix.Chdir("/")
	unix.Umask(0o077)
}

// collectLater turns garbage collection on, once the command has had time to
// start: making a policy leaves so much that a collection would come in its
// midst (some 150 page faults of 950).
func collectLater() {
	time.AfterFunc(200*time.Millisecond, func() { debug.SetGCPercent(100) })
}

// attend serves, and gives figures meanwhile to whoever asks for them. The
// policy is not closed: a receiver may still be at the call of a task that was
// killed, and the end of the process closes everything.
func (s *supervisor) attend(serve func() error) int {
	debug.SetTraceback("single") // the environment had none for the start, see launcher.c
	collectLater()
	front := make(chan struct{})
	if s.front >= 0 {
		unix.CloseOnExec(int(s.front))
		go func() {
			defer close(front)
			serveFront(s.front, s.figures)
		}()
	} else {
		close(front)
	}
	err := serve()
	s.policy.Unmount()
	<-front
	if err != nil {
		s.log.Error().Err(err).Msg("the supervisor ends early: the command's calls fail from now on")
		return StatusFailed
	}
	return 0
}

// prepare makes what the plan asks for.
func (s *supervisor) prepare() error {
	spareMemory()
	var err error
	if s.log, err = newLogger(s.plan.Log); err != nil {
		return err
	}
	if s.policy, err = newPolicy(s.plan, s.log, s.guardian); err != nil {
		return err
	}
	if s.plan.Metrics != "" {
		return startMetrics(s.plan.Metrics, s.policy, s.plan.Build, s.log)
	}
	return nil
}

// serve chooses a backend, brings the launcher under it, and then answers calls
// until the last task under the filter is gone.
func (s *supervisor) serve() error {
	traps := s.policy.Traps()
	if len(traps) == 0 {
		return s.serveNothing()
	}
	if _, err := os.Stat("/proc/self/root"); err != nil {
		return s.launcher.exit(StatusFailed, "no procfs is mounted on /proc, and without it nobody can see which file a program's name leads to; mount it, or serve nothing (--profile none)")
	}
	if !procfs.NumbersUs() {
		s.log.Warn().Msg("the procfs on /proc shows the processes of another pid namespace, under other numbers: nothing is served; mount one of this namespace there (mount -t proc proc /proc)")
		return s.serveNothing()
	}
	s.command = s.launcher.pid
	trap := probeTrap(traps)
	first := probe{trap.Nr, badArguments(trap)}
	lacks := ""
	if s.plan.Backend != BackendPtrace {
		listener, flags, err := s.takeListener(first)
		switch {
		case err == nil:
			s.chose(BackendSeccomp, "")
			if around := supervisorAround(s.command); around != 0 {
				s.log.Warn().Int("supervisor", around).Msg("this runs under another shimrun already, which no longer sees the calls that are answered here: what it tells with these is lost")
			}
			go s.follow()
			return s.serveListener(listener, flags)
		case errors.Is(err, io.EOF):
			return nil // the launcher has ended, for a reason that the user knows
		case s.plan.Backend == BackendSeccomp:
			return s.launcher.exit(StatusFailed, fmt.Sprintf("the seccomp backend cannot work here: %v; try --backend auto", err))
		}
		lacks = err.Error()
	}
	s.chose(BackendPtrace, lacks)
	return s.serveTracer(first, trap.Name, lacks)
}

// serveNothing has the launcher become the command under no filter, and stays for
// as long as somebody may ask for figures.
func (s *supervisor) serveNothing() error {
	s.chose(BackendNone, "")
	s.command = s.launcher.pid
	stays := 0
	if s.plan.Metrics != "" {
		stays = os.Getpid()
	}
	if err := s.launcher.become(targetOf(s.plan), stays); err != nil {
		return err
	}
	s.explain()
	if s.plan.Metrics != "" {
		s.letGo()
	}
	return nil
}

// chose notes the backend, and what seccomp lacks where it was wanted.
func (s *supervisor) chose(backend, lacks string) {
	s.backend.Store(backend)
	event := s.log.Info().Str("backend", backend)
	if lacks != "" {
		event = event.Str("seccomp_lacks", lacks)
	}
	event.Msg("chose the backend")
}

// follow waits for the launcher to become the command, and lets go of what is the
// command's when that ends.
func (s *supervisor) follow() {
	s.explain()
	s.letGo()
}

// explain waits for the launcher to become the command, and says why it cannot.
func (s *supervisor) explain() {
	for {
		_, _, err := s.launcher.answer()
		if err == nil {
			continue
		}
		var refused *refusal
		if !errors.As(err, &refused) {
			break
		}
		words, code := refused.Error(), StatusFailed
		if refused.what == becoming {
			err = executeError(s.plan.Path, refused.err)
			words, code = err.Error(), statusOf(err)
		}
		_ = s.launcher.exit(code, words)
	}
	s.launcher.conn.close()
}

// letGo lets go of the launcher's standard error when the command has ended:
// whoever reads it to its end must not wait for the command's daemons.
func (s *supervisor) letGo() {
	awaitExit(s.command)
	close(s.gone)
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer null.Close()
	_ = unix.Dup3(int(null.Fd()), 2, 0)
	_ = s.guardian.letGo()
}
