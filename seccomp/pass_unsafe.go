package seccomp

// #include "pass.h"
import "C"

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

const (
	// crowded: so many notifications in a row, each from another thread than
	// the one before, ask for one more receiver.
	crowded = C.CROWDED
	// lonely: after so many in a row from one thread, a receiver that is not
	// the only one goes to rest. All that wait wake up for each notification,
	// so idle ones cost.
	lonely = C.LONELY
)

// seat is a receiver's place in the pool: struct seat in pass.h.
type seat struct {
	// turn is odd while the receiver answers a call, and counts them.
	turn atomic.Uint64
	// How the last notifications came; the receiver's own.
	mixed, alone uint32
	// What was found of a call that does not pass: whether it was asked at all, its
	// name was read and looked up, the name's length, and the look-up's errno.
	told, read, looked bool
	length, err        int32
	// failed is the errno of an answer that could not be sent.
	failed int32
}

// shared is what receivers have in common: struct shared in pass.h.
type shared struct {
	// active counts the receivers that are not at rest.
	active atomic.Int32
	// last is the thread whose notification was received last, by any receiver.
	last atomic.Uint32
	// watched tells that the watchdog is awake. Calls pass only then.
	watched atomic.Bool
}

// The layouts on both sides are the same: TestPassesInC would show it, and this is
// sooner.
var (
	_ [unsafe.Sizeof(seat{})]byte          = [C.sizeof_struct_seat]byte{}
	_ [unsafe.Sizeof(shared{})]byte        = [C.sizeof_struct_shared]byte{}
	_ [unsafe.Sizeof(shim.Passing{})]byte  = [C.sizeof_struct_passing]byte{}
	_ [unsafe.Sizeof(unix.Stat_t{})]byte   = [C.sizeof_struct_stat]byte{}
	_ [unsafe.Sizeof(unix.Statfs_t{})]byte = [C.sizeof_struct_statfs]byte{}
)

// receive waits for the next call that is for a handler: all others are answered in
// C. It returns moved when the pool should be asked first.
//
// What is handed over has no Go pointers in it, and stays where it is.
func (r *receiver) receive() (errno unix.Errno, moved bool) {
	a := &r.aside
	result := C.shimrun_receive(C.int(r.server.Listener.fd), (*C.struct_seccomp_notif)(unsafe.Pointer(r.notification)),
		(*C.struct_passing)(unsafe.Pointer(a.Passing)), (*C.struct_shared)(unsafe.Pointer(&r.server.pool.shared)),
		(*C.struct_seat)(unsafe.Pointer(&r.seat)), (*C.char)(unsafe.Pointer(a.Name)),
		(*C.struct_stat)(unsafe.Pointer(a.Seen)), (*C.uint64_t)(unsafe.Pointer(a.Continued)),
		(*C.uint64_t)(unsafe.Pointer(a.Answered)), (*C.uint64_t)(unsafe.Pointer(a.Types)))
	runtime.KeepAlive(r)
	if result < 0 {
		return 0, true
	}
	return unix.Errno(result), false
}

// What becomes of a call in C.
const (
	verdictHandled = C.HANDLED
	verdictPasses  = C.PASSES
	verdictTold    = C.TOLD
)

// tell tells for r's notification what receive would do, and what it would write: it
// is for tests.
func (r *receiver) tell() (verdict uint32, fs unix.Statfs_t) {
	r.seat.told, r.seat.read, r.seat.looked = false, false, false
	verdict = C.shimrun_tell((*C.struct_passing)(unsafe.Pointer(r.aside.Passing)), (*C.struct_seat)(unsafe.Pointer(&r.seat)),
		(*C.struct_seccomp_notif)(unsafe.Pointer(r.notification)), (*C.char)(unsafe.Pointer(r.aside.Name)),
		(*C.struct_stat)(unsafe.Pointer(r.aside.Seen)), (*C.struct_statfs)(unsafe.Pointer(&fs)))
	return verdict, fs
}
