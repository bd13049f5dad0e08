package shim

import (
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
)

// A Worker answers calls on one thread: it owns the buffers that the hot path
// needs, so that nothing is allocated there. It is not safe for concurrent use;
// make one for each thread of a backend.
type Worker struct {
	shim  *Shim
	count *counters

	path  [pathMax]byte      // the tracee's name, our own copy
	clean [pathMax]byte      // the same, without "//" and "/./"
	proc  [pathMax + 64]byte // the same, with the tracee's numbers for "self"
	own   [2 * pathMax]byte  // a name for the supervisor's own kernel
	other otherRoot          // that of the tracee at hand
	link  [pathMax]byte      // what a link says
	fd    [32]byte           // a name of one of our descriptors
	st    unix.Stat_t
	fs    unix.Statfs_t
	data  [512]byte // structures on their way to the tracee's memory
	// renamed, where not empty, is the name that the call at hand is about, in
	// the supervisor's own root, instead of the one in the tracee's memory.
	renamed string
	// ahead, where not nil, is the name at address aheadAt, which [Worker.Passes]
	// has read.
	ahead   []byte
	aheadAt uint64
	// read, where not nil, is the name in path, from address readAt; while a call is at
	// hand it is not read again.
	read   []byte
	readAt uint64
	// looked, where not 0, is the length of the name in path that Passes has looked
	// up, with lookErr and seen as the result.
	looked  int
	lookErr unix.Errno
	seen    unix.Stat_t
	at      whereabouts
}

// Worker returns a new worker of this shim.
func (s *Shim) Worker() *Worker {
	return &Worker{shim: s, count: s.newCounters()}
}

// Handle decides one trapped call. It never panics: a handler's panic is
// logged and answered with Continue, for a fault of ours must not become one of
// the program's.
func (w *Worker) Handle(c *Call) (a Answer) {
	if uint(c.Nr) >= uint(len(w.shim.handlers)) || w.shim.handlers[c.Nr] == nil {
		if c.Nr == unix.SYS_USERFAULTFD {
			w.shim.MayServe()
		}
		return Answer{}
	}
	defer w.recovered(c, &a)
	if w.shim.passing.mounting.Load() {
		w.shim.settle()
	}
	w.begin(c)
	a = w.shim.handlers[c.Nr](w, c)
	w.handled()
	w.count.answered(c.Nr, a.Kind)
	return a
}

// begin remembers whose call is at hand, and what is kept of that thread.
func (w *Worker) begin(c *Call) {
	w.at.tid, w.read = c.TID, nil
	p := c.Place
	if p == nil {
		return
	}
	d := &w.shim.departures
	if p.moving.Load() {
		d.arrived(p, false)
	}
	epoch := d.now()
	if p.epoch != epoch {
		p.epoch, p.rootKnown, p.common, p.shown, p.namespace = epoch, false, false, "", ofUnknown
	}
	if epoch != 0 {
		w.at.place = p
	}
}

// handled forgets what was read for the call at hand.
func (w *Worker) handled() { w.ahead, w.looked, w.at = nil, 0, whereabouts{} }

// Finish looks at what came of a call that a [Finish] answer asked for: a
// result, or -errno.
func (w *Worker) Finish(c *Call, result int64) Answer {
	switch c.Nr {
	case unix.SYS_MOUNT:
		return w.finishMount(c, result)
	case unix.SYS_UNSHARE:
		return w.unshared(c, result)
	case unix.SYS_PRCTL:
		return w.finishPrctl(c, result)
	case unix.SYS_FCHOWN:
		return w.finishFchown(c, result)
	}
	return w.finishListing(c, result)
}

func (w *Worker) recovered(c *Call, a *Answer) {
	if r := recover(); r != nil {
		w.handled()
		w.count.failed(liePanic)
		w.shim.log.Error().Int("tid", c.TID).Int("call", c.Nr).Interface("panic", r).
			Bytes("stack", debug.Stack()).Msg("a handler failed; the kernel answers instead, or the call fails if it changes something")
		if *a = (Answer{}); w.changes(c) {
			a.Kind, a.Errno = Fail, unix.EIO
		}
	}
}

// changes tells whether a call may change a file that its name leads to.
func (w *Worker) changes(c *Call) bool {
	if _, _, flags, ok := w.opens(c); ok {
		return opensToChange(flags)
	}
	p := passages()[w.shim.nameOf(c.Nr)]
	return p != nil && p.kind != looks && p.kind != accesses
}

// told counts and logs a lie that was told.
func (w *Worker) told(c *Call, n *fakefs.Node) {
	w.count.node(n.Lie)
	if e := w.shim.log.Debug(); e.Enabled() {
		e.Int("tid", c.TID).Str("call", w.shim.nameOf(c.Nr)).Str("file", n.Name).Str("lie", n.Lie).Msg("served")
	}
}

// ofTracee composes "/proc/TID/…" in the worker's own buffer.
func (w *Worker) ofTracee(tid int, what string) []byte {
	b := append(w.own[:0], "/proc/"...)
	b = strconv.AppendInt(b, int64(tid), 10)
	return append(append(b, '/'), what...)
}

// throughTracee composes what stands before a relative name of a tracee's.
func (w *Worker) throughTracee(tid, dirfd int) []byte {
	if dirfd == atFDCWD {
		return w.ofTracee(tid, "cwd/")
	}
	return append(w.descriptor(tid, dirfd), '/')
}

// descriptor composes the name of a tracee's descriptor.
func (w *Worker) descriptor(tid, fd int) []byte {
	return strconv.AppendInt(w.ofTracee(tid, "fd/"), int64(fd), 10)
}

// statDescriptor looks at what a tracee's descriptor refers to: one look-up.
// AT_FDCWD means its working directory.
func (w *Worker) statDescriptor(tid, fd int) (*unix.Stat_t, unix.Errno) {
	var name []byte
	if fd == atFDCWD {
		name = w.ofTracee(tid, "cwd")
	} else if fd < 0 {
		return nil, unix.EBADF
	} else {
		name = w.descriptor(tid, fd)
	}
	e := fstatat(atFDCWD, append(name, 0), &w.st, 0)
	return &w.st, e
}

// Answered tells the worker that the call received at start has been
// answered, for the latency figures. Backends call it only where [Shim.Timed].
func (w *Worker) Answered(c *Call, a Answer, start time.Time) {
	w.count.latency(c.Nr, time.Since(start))
}
