package ptrace

import (
	"bytes"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
	"github.com/shimrun/shimrun/shim"
)

// A process is what the threads of one thread group share.
type process struct {
	tgid    int
	threads int // how many of them are known
	// partial tells that there may be others: some were seized, or let go.
	partial bool
	files   *files

	memory   int  // /proc/TGID/mem, or -1
	writable span // a mapping known to be writable; see loop.mayWrite
	route    route
}

// forget drops what is only true of one program image.
func (p *process) forget() {
	if p.memory >= 0 {
		unix.Close(p.memory)
	}
	p.memory, p.writable, p.route = -1, span{}, untried
}

// A thread is one tracee.
type thread struct {
	*loop
	tid     int
	process *process
	script  *script // the sequence that owns the thread's stops, or nil

	entered   bool // of a followed thread: the next syscall stop is an exit
	recheck   bool // at that exit, ask whether the process is still to be followed
	copying   bool // until that exit, descriptors may be copied
	expecting bool // a descriptor for whose sake it is followed, and has made no call since
	astray    bool // since it began to be followed nothing has been heard of it
	sleeping  bool // in a call that a script lets sleep
	vforked   bool // since its last stop, at which it had made a child that it waits for
	trapAgain bool // a script has swallowed a PTRACE_EVENT_STOP

	interrupted bool      // by us; a PTRACE_EVENT_STOP is to come
	unreported  bool      // and neither that nor a call has come yet; see lookBeforeFIFO
	asked       uint32    // the waker's round in which it was interrupted
	again       uint8     // how often that was done once more
	stir        bool      // see waker
	last        shim.Call // the trapped call that the kernel was left to do, Nr -1 where there is none
	looked      bool      // see lookBeforeExec

	place shim.Place // for the shim
	// armed, where not nil, becomes the thread's script at its next stop
	// outside a call. It also runs, with the thread gone, when that never comes.
	armed func(*Stopped)
	// inherited, until its first stop, is where a thread was that another loop has
	// handed over.
	inherited *inheritance
}

// followed tells whether every call of the thread stops.
func (t *thread) followed() bool { return t.process.files.follow }

// leaving tells whether the thread is let go at its next stop.
func (t *thread) leaving() bool { return t.detach && !t.followed() }

// tgidOf asks /proc for the thread group of a thread that nothing has announced.
func tgidOf(tid int) (int, error) { return statusField(tid, "Tgid:") }

// isTracedByUs tells whether the calling thread traces a thread.
func isTracedByUs(tid int) bool {
	tracer, err := statusField(tid, "TracerPid:")
	return err == nil && tracer == unix.Gettid()
}

// statusField is a number in /proc/TID/status (proc_pid_status(5)).
func statusField(tid int, name string) (int, error) {
	status, err := procfs.ReadFile(fmt.Sprintf("/proc/%d/status", tid))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no %s", tid, name)
}
