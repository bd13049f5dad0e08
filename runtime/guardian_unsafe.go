package runtime

// #cgo LDFLAGS: -Wl,--wrap=mmap
// #include "start.h"
import "C"

import (
	"errors"
	"os"
	"time"
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
	command  int
	listener int
	flags    seccomp.Flags
}

// predecessor gives the legacy, if this is not the first supervisor.
func predecessor() (legacy, bool) {
	g := &C.shimrun_guardian
	return legacy{
		command:  int(g.charge.command),
		listener: int(g.listener),
		flags:    seccomp.Flags(g.charge.flags),
	}, g.generation > 0
}

// predecessorsPlan is the plan that was left.
func predecessorsPlan() []byte {
	return C.GoBytes(unsafe.Pointer(C.shimrun_guardian.plan), C.int(C.shimrun_guardian.length))
}

// journal is in memory that the guardian shares with each supervisor.
func journal() *seccomp.Journal {
	return seccomp.NewJournal(unsafe.Pointer(C.shimrun_guardian.journal))
}

// Guardian and supervisor agree on the size of a journal, or this does not compile.
var _ = [1]struct{}{}[C.SHIMRUN_JOURNAL-seccomp.JournalSize]

// arm leaves to the guardian all that a successor needs.
func (g guardian) arm(l legacy, plan []byte) error {
	for len(plan) > 0 {
		piece := plan[:min(len(plan), C.SHIMRUN_PIECE)]
		if err := g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_PLAN}, piece); err != nil {
			return err
		}
		plan = plan[len(piece):]
	}
	return g.tell(C.struct_shimrun_charge{
		kind:    C.SHIMRUN_ARM,
		command: C.int32_t(l.command),
		flags:   C.uint32_t(l.flags),
	}, nil, l.listener)
}

// ready tells the guardian that this supervisor waits for its launcher.
func (g guardian) ready() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_READY}, nil)
}

// letGo has the guardian let go of standard error.
func (g guardian) letGo() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_LET_GO}, nil)
}

func (g guardian) tell(charge C.struct_shimrun_charge, piece []byte, fds ...int) error {
	if g.socket <= 0 {
		return errors.New("there is no guardian")
	}
	packet := unsafe.Slice((*byte)(unsafe.Pointer(&charge)), unsafe.Sizeof(charge))
	packet = append(packet[:len(packet):len(packet)], piece...)
	var rights []byte
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	return os.NewSyscallError("sendmsg", unix.Sendmsg(g.socket, packet, rights, nil, unix.MSG_NOSIGNAL))
}

// A variable, because those come before every init: in one of them this process
// becomes what it was started as, and does not return.
var _ = speak()

// speak gives a supervisor its standard error back, which was away while the Go
// runtime started (guardian.c). Its timers are a part of that, for which it
// needs two descriptors (netpollinit in runtime/netpoll_epoll.go).
func speak() struct{} {
	if g := &C.shimrun_guardian; g.error >= 0 {
		time.AfterFunc(time.Hour, func() {}).Stop()
		_ = unix.Dup3(int(g.error), 2, 0)
		unix.Close(int(g.error))
		g.error = -1
	}
	return struct{}{}
}
