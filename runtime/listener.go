package runtime

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

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
	listener, err := s.openListener(fd, flags)
	if err != nil {
		return err
	}
	if err := listener.Greet(s.command); err != nil {
		return err
	}
	err = s.answer(listener)
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
func (s *supervisor) openListener(fd int, flags seccomp.Flags) (*seccomp.Listener, error) {
	listener, err := seccomp.NewListener(fd, flags)
	if err != nil {
		return nil, err
	}
	if err := s.leave(fd, flags); err != nil {
		s.log.Warn().Err(err).Msg("nobody will take over if the supervisor is killed: the command's calls would fail")
	}
	return listener, nil
}

// leave gives the guardian what a successor needs.
func (s *supervisor) leave(listener int, flags seccomp.Flags) error {
	plan, err := json.Marshal(s.plan)
	if err != nil {
		return err
	}
	return s.guardian.arm(legacy{s.command, listener, flags}, plan)
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
	if s.plan.Adopts {
		defer s.share()()
	}
	err = s.answer(listener, s.policy.Writers()...)
	s.awaitEnd()
	return err
}

// answer serves a listener to its end, and follows some processes from the start.
func (s *supervisor) answer(listener *seccomp.Listener, writers ...int) error {
	server := &seccomp.Server{
		Listener:   listener,
		NewWorker:  s.policy.worker,
		Timed:      s.policy.Timed(),
		Follower:   s.policy.follower(s.log),
		Unfollowed: s.policy.Unfollowed,
		High:       s.policy,
		Journal:    journal(),
		Apart:      apart,
		Watched:    s.guardian.socket,
		Lost:       s.lostGuardian,
		Log:        s.log,
	}
	for _, process := range writers {
		if err := server.Follower.FollowOn(process); err != nil {
			s.log.Warn().Err(err).Int("pid", process).Msg("a process that writes served files cannot be followed on: what it writes to them is not looked at")
		}
	}
	return server.Serve()
}

// So many deaths of a guardian within such a time are no accident: guardian.c has the same
// for supervisors.
const (
	tooMany       = 30
	tooManyWithin = 10 * time.Second
)

// lostGuardian makes another guardian, and gives the connection to it, -1 for none.
func (s *supervisor) lostGuardian() int {
	s.lost = append(s.lost, time.Now())
	if n := len(s.lost) - tooMany; n >= 0 && s.lost[n].After(time.Now().Add(-tooManyWithin)) {
		s.log.Warn().Msg("the guardian keeps dying: nobody will take over if the supervisor is killed")
		return -1
	}
	socket, err := s.guardian.restore()
	if err != nil {
		s.log.Warn().Err(err).Msg("the guardian has died and there can be no other: nobody will take over if the supervisor is killed")
		return -1
	}
	s.log.Warn().Msg("the guardian has died; another has taken its place")
	return socket
}
