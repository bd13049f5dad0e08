package runtime

// serveTracer is the ptrace backend: it seizes the launcher's main thread,
// which loads the filter when it has heard so.
func (s *supervisor) serveTracer(probe string) error {
	var sendErr error
	err := s.policy.tracer(s.log).Run(s.command, func(err error) {
		answer := seized{}
		if err != nil {
			answer.Err = err.Error()
		}
		sendErr = s.conn.send(answer)
		if err == nil {
			go s.confirm(probe)
		}
	})
	if err != nil {
		return nil // the launcher has told the user
	}
	return sendErr
}

// confirm tells the launcher whether its first trapped call arrived here. It
// does not where another supervisor's filter outranks ours (seccomp(2):
// SECCOMP_RET_USER_NOTIF goes before SECCOMP_RET_TRACE), as under a shimrun
// with the seccomp backend.
func (s *supervisor) confirm(probe string) {
	if _, err := s.conn.receive(&struct{}{}); err != nil {
		return
	}
	for _, row := range s.policy.Snapshot().Calls {
		if row.Call == probe && row.Seen > 0 {
			_ = s.conn.send(seized{})
			return
		}
	}
	_ = s.conn.send(seized{Err: "a trapped call does not reach the tracer, but another listener (is this run under shimrun, or in a container with a seccomp agent?)"})
}
