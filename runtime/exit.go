package runtime

import "fmt"

// Exit statuses of shimrun's own, as env(1) and docker-run(1) use them.
const (
	// StatusFailed: shimrun itself failed, and the command was not started.
	StatusFailed = 125
	// StatusNotExecutable: the command was found and cannot be executed.
	StatusNotExecutable = 126
	// StatusNotFound: there is no such command.
	StatusNotFound = 127
)

// ExitError says why a command was not started, and with which status the
// process should exit.
type ExitError struct {
	Code int
	Err  error
}

func (e *ExitError) Error() string { return e.Err.Error() }
func (e *ExitError) Unwrap() error { return e.Err }

func failed(format string, args ...any) *ExitError {
	return &ExitError{Code: StatusFailed, Err: fmt.Errorf(format, args...)}
}
