package runtime

// #include "start.h"
import "C"

import (
	"errors"
	"fmt"
	"io"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/seccomp"
)

// launcher is the supervisor's side of the process that becomes the command: it
// obeys orders (launcher.c), and this is how they are given.
type launcher struct {
	conn conn
	pid  int
	// landmark is where in its memory the word of that name stands.
	landmark uint64
}

// myLauncher is the launcher that this process was forked from, if it was.
func myLauncher() (launcher, bool) {
	l := &C.shimrun_launcher
	// Forked, it has everything where we have it.
	return launcher{conn(l.socket), int(l.pid), landmarkAddress()}, l.socket >= 0
}

// inherited are the descriptors that the launcher's caller had open, but for
// the usual three.
func inherited() []int32 {
	l := &C.shimrun_launcher
	return unsafe.Slice((*int32)(unsafe.Pointer(l.open)), int(l.count))
}

// target is what a launcher is to execute.
type target struct {
	path string
	args []string
}

func targetOf(plan Plan) target { return target{plan.Path, plan.Args} }

func (c target) text() []byte {
	text := append([]byte(c.path), 0)
	for _, arg := range c.args {
		text = append(append(text, arg...), 0)
	}
	return text
}

// refusal is what a launcher could not do.
type refusal struct {
	what string
	err  unix.Errno
}

// becoming is what a launcher does last.
const becoming = "execute the command"

func (r *refusal) Error() string { return r.what + ": " + r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }

// aside has the launcher go on as an ordinary process.
func (l launcher) aside() error {
	return l.give(C.struct_shimrun_order{kind: C.SHIMRUN_ASIDE}, nil, nil)
}

// exit has the launcher end, after some words on standard error.
func (l launcher) exit(status int, words string) error {
	if len(words) > C.SHIMRUN_PACKET/2 {
		words = words[:C.SHIMRUN_PACKET/2]
	}
	return l.give(C.struct_shimrun_order{kind: C.SHIMRUN_EXIT, number: C.int32_t(status)}, []byte(words), nil)
}

// become has it execute the command, served by a process, or by nobody (0).
func (l launcher) become(c target, supervisor int) error {
	return l.give(C.struct_shimrun_order{kind: C.SHIMRUN_BECOME, supervisor: C.int64_t(supervisor)}, nil, &c)
}

// notify has it load a filter with a listener, make a first call, which has to
// be answered with [seccomp.Greeting], and execute the command.
func (l launcher) notify(program []byte, p probe, c target) (listener int, flags seccomp.Flags, err error) {
	order := C.struct_shimrun_order{
		kind: C.SHIMRUN_NOTIFY, supervisor: C.int64_t(os.Getpid()),
		flags: C.uint32_t(seccomp.Listen | seccomp.WaitKillable), greeting: seccomp.Greeting,
	}
	p.put(&order)
	if err := l.give(order, program, &c); err != nil {
		return -1, 0, err
	}
	listener, got, err := l.answer()
	return listener, seccomp.Flags(got), err
}

// attach has it let this process trace it.
func (l launcher) attach() error {
	if err := l.give(C.struct_shimrun_order{kind: C.SHIMRUN_ATTACH, supervisor: C.int64_t(os.Getpid())}, nil, nil); err != nil {
		return err
	}
	_, _, err := l.answer()
	return err
}

// trace has it load a filter and make a first call; [launcher.answer] tells
// what came of that.
func (l launcher) trace(program []byte, p probe) error {
	order := C.struct_shimrun_order{kind: C.SHIMRUN_TRACE}
	p.put(&order)
	return l.give(order, program, nil)
}

// probe is the call with which a launcher sees whether it is served.
type probe struct {
	nr   int
	args [6]uint64
}

func (p probe) put(order *C.struct_shimrun_order) {
	order.number = C.int32_t(p.nr)
	for i, arg := range p.args {
		order.arguments[i] = C.uint64_t(arg)
	}
}

// give sends an order, and a command that is too long for it in a file.
func (l launcher) give(order C.struct_shimrun_order, rest []byte, c *target) error {
	order.length = C.uint32_t(len(rest))
	packet := unsafe.Slice((*byte)(unsafe.Pointer(&order)), unsafe.Sizeof(order))
	packet = append(append(make([]byte, 0, 4096), packet...), rest...)
	var rights []byte
	if c != nil {
		text := c.text()
		if len(rest)+len(text) <= C.SHIMRUN_PACKET {
			packet = append(packet, text...)
		} else {
			f, err := memoryFile("command", text)
			if err != nil {
				return err
			}
			defer f.Close()
			rights = unix.UnixRights(int(f.Fd()))
		}
	}
	// The other side's death is an error, not a signal.
	return os.NewSyscallError("sendmsg", unix.Sendmsg(int(l.conn), packet, rights, nil, unix.MSG_NOSIGNAL))
}

// answer waits for the launcher's word; io.EOF when it is gone, or has become
// the command.
func (l launcher) answer() (fd int, flags uint32, err error) {
	var a C.struct_shimrun_answer
	packet := unsafe.Slice((*byte)(unsafe.Pointer(&a)), unsafe.Sizeof(a))
	rights := make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := recvmsg(int(l.conn), packet, rights)
	switch {
	case err != nil:
		return -1, 0, err
	case n == 0:
		return -1, 0, io.EOF
	case n != len(packet):
		return -1, 0, fmt.Errorf("the launcher sent %d bytes", n)
	}
	fd = -1
	if fds := received(rights[:oobn]); len(fds) == 1 {
		fd = fds[0]
	}
	if a.error == 0 {
		return fd, uint32(a.flags), nil
	}
	return fd, 0, &refusal{map[C.int32_t]string{
		C.SHIMRUN_LOADING:  "load the filter",
		C.SHIMRUN_PROBING:  "make the first trapped call",
		C.SHIMRUN_BECOMING: becoming,
	}[a.where], unix.Errno(a.error)}
}

// liftLimits has this process have limits of its own, see limits.c.
func liftLimits() { C.shimrun_lift_limits() }

// landmarkAddress is where a word stands that the supervisor tries to read in the
// launcher's memory, to see whether it may.
func landmarkAddress() uint64 { return uint64(uintptr(unsafe.Pointer(&C.shimrun_landmark))) }

func landmark() uint64 { return uint64(C.shimrun_landmark) }

// obey is the launcher's side, for a process that is one in between, see
// [Enter]: the calling thread comes under the supervisor, whose number it gives,
// 0 where there is nothing to serve. The error is what the supervisor says.
func obey(c conn) (supervisor int, err error) {
	done := C.shimrun_obey(C.int(c))
	traced = traced || done.traced != 0
	switch done.kind {
	case C.SHIMRUN_BECOME:
		return int(done.supervisor), nil
	case C.SHIMRUN_EXIT:
		return 0, errors.New(C.GoStringN(done.text, C.int(done.length)))
	}
	return 0, errors.New("the supervisor went away")
}
