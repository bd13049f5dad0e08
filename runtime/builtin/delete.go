package builtin

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime/container"
)

// Delete removes a container that has ended, or that has not begun; any other
// only by force. It has to be locked.
func Delete(c *container.Container, force bool) error {
	if status := c.Status(); !force && status != container.Stopped && status != container.Created {
		return fmt.Errorf("cannot delete container %s that is not stopped: %s", c.ID, status)
	}
	spec, err := c.LoadSpec()
	if err != nil {
		return errors.Join(err, destroy(c, nil))
	}
	return destroy(c, spec.Hooks)
}

// destroy ends all that is left of a container, and forgets it. The hooks'
// failures do not keep it.
func destroy(c *container.Container, hooks *specs.Hooks) error {
	if err := killAll(c); err != nil {
		return err
	}
	undo(c.Mounts)
	if spec, err := c.LoadSpec(); err == nil {
		if err := leaveGroups(spec); err != nil {
			fmt.Fprintln(os.Stderr, "shimrun: warning: control groups:", err)
		}
	}
	state := c.State.Spec(container.Stopped)
	if err := c.Remove(); err != nil {
		return err
	}
	if hooks == nil {
		return nil
	}
	// Each is run, whatever became of the one before it.
	var all []error
	for _, hook := range hooks.Poststop {
		all = append(all, runHooks("poststop", []specs.Hook{hook}, state))
	}
	if err := errors.Join(all...); err != nil {
		fmt.Fprintln(os.Stderr, "shimrun: warning:", err)
	}
	return nil
}

// undo takes back mounts that were made in the runtime's own namespace. A name
// that is no mount point is left alone.
func undo(points []string) {
	if len(points) == 0 {
		return
	}
	mounted, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
		return !slices.Contains(points, m.Mountpoint), false
	})
	if err != nil {
		return
	}
	for _, m := range slices.Backward(mounted) {
		_ = unix.Unmount(m.Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	}
}
