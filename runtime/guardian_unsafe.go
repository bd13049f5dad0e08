package runtime

// #cgo LDFLAGS: -Wl,--wrap=mmap
// #include "start.h"
import "C"

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// guardian is the process that forked this supervisor, and will fork another
// when this one dies; see guardian.c.
type guardian struct{ socket int }

func myGuardian() guardian { return guardian{int(C.shimrun_guardian.socket)} }

// legacy is what a dead supervisor leaves to the next.
type legacy struct {
	command                 int
	listener, journal, plan int
	flags                   seccomp.Flags
}

// predecessor gives the legacy, if this is not the first supervisor.
func predecessor() (legacy, bool) {
	g := &C.shimrun_guardian
	return legacy{
		command:  int(g.charge.command),
		listener: int(g.listener),
		journal:  int(g.journal),
		plan:     int(g.plan),
		flags:    seccomp.Flags(g.charge.flags),
	}, g.generation > 0
}

// arm leaves to the guardian all that a successor needs.
func (g guardian) arm(l legacy) error {
	return g.tell(C.struct_shimrun_charge{
		kind:    C.SHIMRUN_ARM,
		command: C.int32_t(l.command),
		flags:   C.uint32_t(l.flags),
	}, l.listener, l.journal, l.plan)
}

// ready tells the guardian that this supervisor waits for its launcher.
func (g guardian) ready() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_READY})
}

// letGo has the guardian let go of standard error.
func (g guardian) letGo() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_LET_GO})
}

func (g guardian) tell(charge C.struct_shimrun_charge, fds ...int) error {
	if g.socket <= 0 {
		return errors.New("there is no guardian")
	}
	packet := unsafe.Slice((*byte)(unsafe.Pointer(&charge)), unsafe.Sizeof(charge))
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	return os.NewSyscallError("sendmsg", unix.Sendmsg(g.socket, packet, rights, nil, unix.MSG_NOSIGNAL))
}
