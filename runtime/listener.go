package runtime

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// takeListener brings the launcher under a filter whose listener is ours.
func (s *supervisor) takeListener(first probe) (listener int, flags seccomp.Flags, err error) {
	if err := s.lacks(); err != nil {
		return -1, 0, err
	}
	program, err := filterFor(BackendSeccomp, s.policy)
	if err != nil {
		return -1, 0, fmt.Errorf("compile the filter: %w", err)
	}
	listener, flags, err = s.launcher.notify(program, first, targetOf(s.plan))
	if err == nil && listener < 0 {
		err = errors.New("the launcher sent no listener")
	}
	return listener, flags, err
}

// lacks says what user notification lacks here, before anything is irreversible.
func (s *supervisor) lacks() error {
	if err := seccomp.Probe(); err != nil {
		return err
	}
	if err := canRead(s.command, s.launcher.landmark, landmark()); err != nil {
		return fmt.Errorf("the supervisor may not read the memory of a process that is not its child (%w; kernel.yama.ptrace_scope=0 or CAP_SYS_PTRACE allows it)", err)
	}
	return nil
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
	err = s.answer(listener, journal)
	s.awaitEnd()
	return err
}

// awaitEnd lets the command's end be seen first. The last task under the filter
// may still be on its way out, and who waits for the command waits for that: what
// this process has to do at its own end must not come before.
func (s *supervisor) awaitEnd() {
	select {
	case <-s.gone:
	case <-time.After(100 * time.Millisecond):
	}
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
	if err := s.leave(fd, journal, flags); err != nil {
		s.log.Warn().Err(err).Msg("nobody will take over if the supervisor is killed: the command's calls would fail")
	}
	return listener, journal, nil
}

// leave gives the guardian what a successor needs.
func (s *supervisor) leave(listener, journal int, flags seccomp.Flags) error {
	plan, err := WriteDocument("plan", s.plan)
	if err != nil {
		return err
	}
	defer plan.Close()
	return s.guardian.arm(legacy{s.command, listener, journal, int(plan.Fd()), flags})
}

// succeed takes over from a supervisor that died.
func (s *supervisor) succeed(l legacy) error {
	s.backend.Store(BackendSeccomp)
	s.policy.MayServe() // that one would know
	listener, err := seccomp.NewListener(l.listener, l.flags)
	if err != nil {
		return err
	}
	go s.letGo()
	err = s.answer(listener, l.journal)
	s.awaitEnd()
	return err
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
