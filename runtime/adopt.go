package runtime

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/share"
)

// Adopt starts a supervisor for a process whose filter somebody else has
// loaded, a container's runtime for one, and gives it the listener, which stays
// the caller's too. command is the process. The supervisor answers until the
// last task under the filter has ended.
func Adopt(plan Plan, listener, command int) (supervisor int, err error) {
	plan.Adopts, plan.Backend, plan.Apart = true, BackendSeccomp, true
	c, err := startSupervisor(plan, caller{})
	if err != nil {
		return 0, fmt.Errorf("start the supervisor: %w", err)
	}
	defer c.close()
	var hello hello
	if _, err := c.receive(&hello); err != nil {
		return 0, fmt.Errorf("the supervisor did not start: %w", err)
	}
	if hello.Err != "" {
		return 0, errors.New(hello.Err)
	}
	if err := c.send(handover{PID: command}, listener); err != nil {
		return 0, err
	}
	var taken taken
	if _, err := c.receive(&taken); err != nil {
		return 0, fmt.Errorf("the supervisor went away: %w", err)
	}
	if taken.Err != "" {
		return 0, errors.New(taken.Err)
	}
	return hello.PID, nil
}

// adopt is the supervisor's side; problem is why it cannot.
func (s *supervisor) adopt(c conn, problem error) error {
	defer c.close()
	greeting := hello{PID: unix.Getpid()}
	if problem != nil {
		greeting.Err = problem.Error()
	}
	if err := c.send(greeting); err != nil || problem != nil {
		return err
	}
	var handover handover
	fds, err := c.receive(&handover)
	if err != nil {
		return gone(err)
	}
	if len(fds) != 1 {
		return errors.New("no listener was sent")
	}
	s.command = handover.PID
	s.policy.Adopted(s.command)
	listener, err := s.openListener(fds[0], handover.Flags)
	answer := taken{}
	if err != nil {
		answer.Err = err.Error()
	}
	if sendErr := c.send(answer); err != nil || sendErr != nil {
		return errors.Join(err, sendErr)
	}
	defer s.share()()
	return s.answer(listener)
}

// share has this process, which works for a container from outside, have no more
// of the processors than the container has. Where there are no control groups, or
// they are somebody else's, it has what its caller has.
func (s *supervisor) share() (leave func()) {
	leave, err := share.Join(s.command)
	if err != nil {
		s.log.Info().Err(err).Msg("has no share of the processors like the container's")
		return func() {}
	}
	return leave
}

// gone makes the end of the other side no error of ours.
func gone(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
