package builtin

import (
	"errors"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// isFilled tells whether something is made in a new filesystem after it was
// mounted, so that it cannot be read-only from the start: places for the bundle's
// other mounts, its devices, the terminal, the working directory.
func (i *initProcess) isFilled(m specs.Mount) bool {
	path := filepath.Clean(m.Destination)
	if path == "/dev" {
		return true
	}
	if m.Type != "tmpfs" {
		return false
	}
	if isBelow(i.Spec.Process.Cwd, path) {
		return true
	}
	for _, other := range i.Spec.Mounts {
		if isBelow(other.Destination, path) && filepath.Clean(other.Destination) != path {
			return true
		}
	}
	for _, device := range i.devices() {
		if isBelow(device.Path, path) {
			return true
		}
	}
	return false
}

// seal makes read-only what had to be written to until now. It is called in the
// container's root.
func (i *initProcess) seal() {
	for _, path := range i.sealed {
		if err := remount(path, unix.MS_RDONLY); err != nil {
			i.lack("mount "+path+" options ro", err)
		}
	}
	if !i.Spec.Root.Readonly {
		return
	}
	err := errors.New("there is no mount namespace")
	if i.has("mnt") {
		err = remount("/", unix.MS_RDONLY)
	}
	if err != nil {
		i.lack("root readonly", err)
	}
}
