package container

import (
	"maps"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// State is what is remembered of a container in state.json.
type State struct {
	ID          string            `json:"id"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	UID         int               `json:"uid"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Mode is how the container is run: "builtin" or "delegate".
	Mode string `json:"mode"`
	// Creator is the process that makes the container; Ready tells that it has
	// done so.
	Creator Process `json:"creator"`
	Ready   bool    `json:"ready"`
	// Init is the container's process.
	Init Process `json:"init"`
	// Supervisor serves it, if it has one.
	Supervisor Process `json:"supervisor"`
	// Around tells that it has none of its own: the supervisor of a shimrun
	// around the runtime serves it.
	Around bool `json:"around,omitempty"`
	// Namespaces are those that the process has for itself, by their names in /proc.
	Namespaces []string `json:"namespaces,omitempty"`
	// MountNamespace is the identity of its mount namespace, if it has one of its own.
	MountNamespace string `json:"mount_namespace,omitempty"`
	// Lacks is the isolation that was asked for and is not there.
	Lacks []Lack `json:"lacks,omitempty"`
	// Keyring is the name of its session keyring, if it has one of its own.
	Keyring string `json:"keyring,omitempty"`
	// Mounts are mount points in the runtime's own namespace, to be undone.
	Mounts []string `json:"mounts,omitempty"`
	// Plan is how exec serves further processes: a profile, a backend.
	Profile []byte `json:"profile,omitempty"`
	Backend string `json:"backend,omitempty"`
	// Runtime is the runtime that a container was delegated to.
	Runtime string `json:"runtime,omitempty"`
	// Within tells that the shim is in that container, and not outside of it.
	Within bool `json:"within,omitempty"`
}

// Lack is one thing that a bundle asks for and that its container does not have.
type Lack struct {
	// What names it as config.json does, "namespace pid" or "mount /sys".
	What string `json:"what"`
	// Why is the kernel's word, or the reason why it was not tried.
	Why string `json:"why"`
}

// Status is a container's status, as the specification names it.
type Status string

// The specification's statuses, and runc's "paused".
const (
	Creating Status = "creating"
	Created  Status = "created"
	Running  Status = "running"
	Paused   Status = "paused"
	Stopped  Status = "stopped"
)

// Annotations that shimrun adds to a state.
const (
	// AnnotationMode is the mode that the container runs in.
	AnnotationMode = "io.shimrun.mode"
	// AnnotationAround says "yes" where a shimrun around the runtime serves the
	// container, with its own profile.
	AnnotationAround = "io.shimrun.around"
	// AnnotationLacks lists what isolation is missing, with semicolons between.
	AnnotationLacks = "io.shimrun.lacks"
	// AnnotationProfile chooses the profile, as --profile does.
	AnnotationProfile = "io.shimrun.profile"
)

// Given are a bundle's own annotations: those that a container may show as its
// bundle has them. What shimrun reports it reports itself, so that nobody who
// writes a bundle can say it in its place.
func Given(annotations map[string]string) map[string]string {
	given := maps.Clone(annotations)
	for _, reported := range []string{AnnotationMode, AnnotationAround, AnnotationLacks} {
		delete(given, reported)
	}
	return given
}

// Spec is the state as the specification has it, which hooks read.
func (s *State) Spec(status Status) *specs.State {
	pid := s.Init.PID
	if status == Stopped {
		pid = 0
	}
	return &specs.State{
		Version:     specs.Version,
		ID:          s.ID,
		Status:      specs.ContainerState(status),
		Pid:         pid,
		Bundle:      s.Bundle,
		Annotations: s.allAnnotations(),
	}
}

// allAnnotations are the bundle's and ours.
func (s *State) allAnnotations() map[string]string {
	all := Given(s.Annotations)
	if all == nil {
		all = map[string]string{}
	}
	all[AnnotationMode] = s.Mode
	if s.Around {
		all[AnnotationAround] = "yes"
	}
	if len(s.Lacks) > 0 {
		text := ""
		for i, lack := range s.Lacks {
			if i > 0 {
				text += "; "
			}
			text += lack.What
		}
		all[AnnotationLacks] = text
	}
	return all
}

// Listing is a container as `state` and `list` print it: the fields of
// runc's, in runc's order.
type Listing struct {
	Version     string            `json:"ociVersion"`
	ID          string            `json:"id"`
	PID         int               `json:"pid"`
	Status      Status            `json:"status"`
	Bundle      string            `json:"bundle"`
	Rootfs      string            `json:"rootfs"`
	Created     time.Time         `json:"created"`
	Annotations map[string]string `json:"annotations,omitempty"`
	Owner       string            `json:"owner"`
}

// Listing lists the container with a status.
func (s *State) Listing(status Status) Listing {
	spec := s.Spec(status)
	return Listing{spec.Version, s.ID, spec.Pid, status, s.Bundle, s.Rootfs, s.Created, spec.Annotations, ""}
}
