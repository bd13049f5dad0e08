package builtin

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/container"
)

// Errors of the lifecycle, in runc's words.
var (
	ErrRunning    = errors.New("cannot start an already running container")
	ErrStopped    = errors.New("cannot start a container that has stopped")
	ErrCreating   = errors.New("cannot start a container that is still being created")
	ErrNotRunning = errors.New("container not running")
)

// Start lets a created container's program begin, and returns when it has.
// The container has to be locked.
func Start(c *container.Container) error {
	switch c.Status() {
	case container.Created:
	case container.Stopped:
		return ErrStopped
	case container.Creating:
		return ErrCreating
	default:
		return ErrRunning
	}
	fd, err := unix.Open(c.StartName(), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err == unix.ENXIO {
		return ErrStopped // just now
	}
	if err != nil {
		return &os.PathError{Op: "open", Path: c.StartName(), Err: err}
	}
	_, err = unix.Write(fd, []byte{1})
	unix.Close(fd)
	if err != nil {
		return &os.PathError{Op: "write", Path: c.StartName(), Err: err}
	}
	// The lock is given back by the process's execve, or by its end.
	if err := container.AwaitUnlocked(c.WaitingName()); err != nil {
		return err
	}
	if text, err := os.ReadFile(c.WaitingName()); err != nil || len(text) > 0 {
		return fmt.Errorf("unable to start container process: %w", errors.Join(err, textError(text)))
	}
	spec, err := c.LoadSpec()
	if err != nil || spec.Hooks == nil {
		return err
	}
	return runHooks("poststart", spec.Hooks.Poststart, c.State.Spec(container.Running))
}

func textError(text []byte) error {
	if len(text) == 0 {
		return nil
	}
	return errors.New(string(text))
}
