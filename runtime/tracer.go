package runtime

import (
	"errors"
	"fmt"
	"os"
)

// serveTracer is the ptrace backend: it seizes the launcher, which loads the
// filter when it has heard so. lacks says why it is not the other backend.
func (s *supervisor) serveTracer(first probe, name, lacks string) error {
	program, err := filterFor(BackendPtrace, s.policy)
	if err != nil {
		return s.refuse(lacks, fmt.Errorf("compile the filter: %w", err))
	}
	if err := errors.Join(s.launcher.attach(), s.guardian.traces()); err != nil {
		return s.refuse(lacks, err)
	}
	var orderErr error
	tracer := s.policy.tracer(s.log)
	tracer.Apart = apart
	err = tracer.Run(s.command, func(err error) {
		if err != nil {
			orderErr = s.refuse(lacks, err)
			return
		}
		if orderErr = s.launcher.trace(program, first); orderErr == nil {
			go s.confirm(name, lacks)
		}
	})
	if err != nil {
		return nil // the launcher has told the user
	}
	return orderErr
}

// confirm lets the launcher become the command if its first trapped call arrived
// here. It does not where another supervisor's filter outranks ours (seccomp(2):
// SECCOMP_RET_USER_NOTIF goes before SECCOMP_RET_TRACE), as under a shimrun
// with the seccomp backend.
func (s *supervisor) confirm(name, lacks string) {
	_, _, err := s.launcher.answer()
	if err == nil && !s.saw(name) {
		err = errors.New("a trapped call does not reach the tracer, but another listener (is this run under shimrun, or in a container with a seccomp agent?)")
	}
	if err != nil {
		_ = s.refuse(lacks, err)
		return
	}
	if s.launcher.become(targetOf(s.plan), os.Getpid()) == nil {
		s.follow()
	}
}

func (s *supervisor) saw(name string) bool {
	for _, row := range s.policy.Snapshot().Calls {
		if row.Call == name && row.Seen > 0 {
			return true
		}
	}
	return false
}

// refuse has the launcher end because no backend works.
func (s *supervisor) refuse(lacks string, err error) error {
	words := fmt.Sprintf("come under the ptrace backend: %v", err)
	if lacks != "" {
		words = fmt.Sprintf("no backend works here, and nothing was started; seccomp: %s; ptrace: %v", lacks, err)
	}
	return s.launcher.exit(StatusFailed, words)
}
