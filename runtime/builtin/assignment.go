package builtin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/runtime"
	"github.com/shimrun/shimrun/runtime/container"
)

// initName is argv[0] of the process that becomes a container's program.
const initName = "shimrun-init"

// assignment is what that process is told. It stands in a memory file of its
// own; the descriptors follow those of the program's, in this order:
// assignment, talk, waiting, start, console.
type assignment struct {
	Spec   *specs.Spec  `json:"spec"`
	Bundle string       `json:"bundle"`
	Rootfs string       `json:"rootfs"`
	State  *specs.State `json:"state"`
	Plan   runtime.Plan `json:"plan"`
	// Asked tells that somebody asked for the plan's profile.
	Asked bool `json:"asked"`
	// Join is the container that a further process enters.
	Join *join `json:"join,omitempty"`
	// Console tells that the terminal's master is to be sent to descriptor console.
	Console bool `json:"console"`
	Relayed bool `json:"relayed,omitempty"`
	NoPivot bool `json:"no_pivot"`
	// Keyring is the name of the container's session keyring; empty where it
	// keeps its caller's.
	Keyring string `json:"keyring,omitempty"`
	// PreserveFDs is how many descriptors after the third the program keeps.
	PreserveFDs int `json:"preserve_fds"`
}

// join is what a further process needs to know of the container.
type join struct {
	Init       container.Process `json:"init"`
	Namespaces []string          `json:"namespaces"`
}

// Descriptors of the process, counted from the first that is not the program's.
const (
	fdAssignment = iota
	fdTalk
	fdWaiting
	fdStart
	fdConsole
	fdCount
)

// message is what the two sides of a creation say to each other, a line each.
type message struct {
	// Kind is one of the words below.
	Kind string `json:"kind"`
	Err  string `json:"err,omitempty"`
	// With "hooks":
	Supervisor int  `json:"supervisor,omitempty"`
	Around     bool `json:"around,omitempty"`
	// With "ready" and "mounting":
	Lacks      []container.Lack `json:"lacks,omitempty"`
	Warnings   []string         `json:"warnings,omitempty"`
	Namespaces []string         `json:"namespaces,omitempty"`
	Mounts     []string         `json:"mounts,omitempty"`
}

const (
	// The process is under the shim and in its namespaces; the runtime's hooks are due.
	sayHooks = "hooks"
	// The process is about to mount in the runtime's own namespace.
	sayMounting = "mounting"
	// All is done but the start.
	sayReady = "ready"
	// Go on.
	sayGo = "go"
	// It failed.
	sayFailed = "failed"
)

// talk is one end of their socket.
type talk struct {
	file *os.File
	in   *json.Decoder
}

func newTalk(f *os.File) *talk { return &talk{f, json.NewDecoder(f)} }

func (t *talk) say(m message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	// The other side's death is an error, not a signal.
	return os.NewSyscallError("sendmsg", unix.Sendmsg(int(t.file.Fd()), append(text, '\n'), nil, nil, unix.MSG_NOSIGNAL))
}

var errGone = errors.New("the other side is gone")

func (t *talk) hear() (message, error) {
	var m message
	err := t.in.Decode(&m)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, unix.ECONNRESET):
		return m, errGone
	case err != nil:
		return m, err
	case m.Kind == sayFailed:
		return m, errors.New(m.Err)
	}
	return m, nil
}

// expect hears one kind of message.
func (t *talk) expect(kind string) (message, error) {
	m, err := t.hear()
	if err == nil && m.Kind != kind {
		err = fmt.Errorf("heard %q, expected %q; this is a bug in shimrun", m.Kind, kind)
	}
	return m, err
}
