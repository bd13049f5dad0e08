package runtime

// #cgo LDFLAGS: -Wl,--wrap=mmap
// #include <stdlib.h>
// #include "start.h"
import "C"

import (
	"errors"
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
	"github.com/shimrun/shimrun/shim"
)

// guardian is the process that forked this supervisor, and will fork another
// when this one dies; see guardian.c. Should it die itself, this one makes another.
type guardian struct {
	mu     sync.Mutex
	socket int
}

func myGuardian() *guardian { return &guardian{socket: int(C.shimrun_guardian.socket)} }

// legacy is what a dead supervisor leaves to the next.
type legacy struct {
	command  int
	listener int
	flags    seccomp.Flags
}

// A kept descriptor goes from one supervisor to the next.
type kept int

const (
	keptFront kept = C.SHIMRUN_FRONT // the connection of whoever wants figures
	keptMade  kept = C.SHIMRUN_MADE  // the mounts of [shim.Options]
	keptSeen  kept = C.SHIMRUN_SEEN
)

// predecessor gives the legacy, if this is not the first supervisor.
func predecessor() (legacy, bool) {
	l := &C.shimrun_guardian.legacy
	return legacy{
		command:  int(l.charge.command),
		listener: int(l.kept[C.SHIMRUN_LISTENER]),
		flags:    seccomp.Flags(l.charge.flags),
	}, C.shimrun_guardian.generation > 0
}

// predecessors gives a descriptor that was left, or -1.
func predecessors(k kept) int { return int(C.shimrun_guardian.legacy.kept[k]) }

// predecessorsPlan is the plan that was left.
func predecessorsPlan() []byte {
	g := &C.shimrun_guardian
	return C.GoBytes(unsafe.Pointer(g.plan), C.int(g.legacy.length))
}

// journal is in memory that the guardian shares with each supervisor.
func journal() *seccomp.Journal {
	return seccomp.NewJournal(unsafe.Pointer(C.shimrun_guardian.journal))
}

// ledger is in such memory too; nil where there is none.
func ledger() *shim.Ledger {
	if memory := C.shimrun_guardian.ledger; memory != nil {
		return shim.NewLedger(unsafe.Pointer(memory))
	}
	return nil
}

// Guardian and supervisor agree on the sizes of both, or this does not compile.
var (
	_ = [1]struct{}{}[C.SHIMRUN_JOURNAL-seccomp.JournalSize]
	_ = [1]struct{}{}[C.SHIMRUN_LEDGER-shim.LedgerSize]
)

// arm leaves to the guardian all that a successor needs. It is kept here as well, for
// the guardian that this supervisor may have to make.
func (g *guardian) arm(l legacy, plan []byte) error {
	left := &C.shimrun_guardian.legacy
	left.kept[C.SHIMRUN_LISTENER] = C.int32_t(l.listener)
	left.charge = C.struct_shimrun_charge{
		kind:    C.SHIMRUN_ARM,
		command: C.int32_t(l.command),
		flags:   C.uint32_t(l.flags),
	}
	for rest := plan; len(rest) > 0; {
		piece := rest[:min(len(rest), C.SHIMRUN_PIECE)]
		if C.shimrun_keep_plan((*C.char)(unsafe.Pointer(&piece[0])), C.size_t(len(piece))) != 0 {
			return unix.ENOMEM
		}
		if err := g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_PLAN}, piece); err != nil {
			return err
		}
		rest = rest[len(piece):]
	}
	return g.tell(left.charge, nil, l.listener)
}

// keep has a descriptor go to the next supervisor.
func (g *guardian) keep(k kept, fd int) error {
	C.shimrun_guardian.legacy.kept[k] = C.int32_t(fd)
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_KEEP, command: C.int32_t(k)}, nil, fd)
}

// restore makes another guardian in place of one that has died, and gives the
// connection to that.
func (g *guardian) restore() (int, error) {
	env := os.Environ()
	words := unsafe.Slice((**C.char)(C.calloc(C.size_t(len(env)+1), C.size_t(unsafe.Sizeof(uintptr(0))))), len(env)+1)
	for i, word := range env {
		words[i] = C.CString(word)
	}
	defer func() {
		for _, word := range words {
			C.free(unsafe.Pointer(word))
		}
		C.free(unsafe.Pointer(&words[0]))
	}()
	g.mu.Lock()
	defer g.mu.Unlock()
	socket, err := C.shimrun_guard_anew(&words[0])
	if socket < 0 {
		return -1, os.NewSyscallError("fork", err)
	}
	unix.Close(g.socket)
	g.socket = int(socket)
	shim.SetGuardian(int(C.shimrun_guardian.pid))
	return g.socket, nil
}

// ready tells the guardian that this supervisor waits for its launcher.
func (g *guardian) ready() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_READY}, nil)
}

// traces tells it that this supervisor is the command's tracer.
func (g *guardian) traces() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_TRACES}, nil)
}

// letGo has the guardian let go of standard error.
func (g *guardian) letGo() error {
	return g.tell(C.struct_shimrun_charge{kind: C.SHIMRUN_LET_GO}, nil)
}

func (g *guardian) tell(charge C.struct_shimrun_charge, piece []byte, fds ...int) error {
	g.mu.Lock()
	defer g.mu.Unlock()
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
