package runtime

// serveTracer is the ptrace backend: it seizes the launcher's main thread,
// which loads the filter when it has heard so.
func (s *supervisor) serveTracer() error {
	var sendErr error
	err := s.policy.tracer(s.log).Run(s.command, func(err error) {
		answer := seized{}
		if err != nil {
			answer.Err = err.Error()
		}
		sendErr = s.conn.send(answer)
	})
	if err != nil {
		return nil // the launcher has told the user
	}
	return sendErr
}
