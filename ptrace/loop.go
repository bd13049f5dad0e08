package ptrace

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/shim"
)

// A loop is one tracing thread's tracees and what it does about their stops.
// All of it runs on that one OS thread, which alone may make requests.
type loop struct {
	policy policy
	log    zerolog.Logger
	traps  map[int]bool // the numbers that our filter stops

	threads   map[int]*thread
	processes map[int]*process
	followed  int // how many descriptor tables are followed
	// early are threads whose first stop came before their parent's clone event.
	early map[int]bool
	// detach lets a process go once it need not be followed any more, instead
	// of tracing it on for its filter's sake.
	detach bool
	// split is set once a thread may have left its process's descriptor table.
	split bool

	// What this kernel can do, found out by doing.
	hasInfo bool // PTRACE_GET_SYSCALL_INFO
	hasKcmp bool
	// lacksGetfd is set once pidfd_getfd(2) has failed with ENOSYS.
	lacksGetfd bool
	order      order
	reader     access
	writer     access
	waker      *waker
	inbox      *inbox    // for errands, once there was one
	idle       []handler // of errands that are done
	socket     int       // descriptors are sent from it, once there is need; else -1
	name       string    // of that
	bulk       int       // a file whose attributes tracees copy, see bulk.go; else -1
	lineage    *lineage
	spent      func() bool // whether the time of this loop's process is used up; nil where it is not limited
	heir       *heir       // who goes on then
	kept       bool        // the line about a process that cannot be handed over has been logged
	warned     bool        // the line about tracees that use ptrace has been logged

	// Reused on every stop, so that the pass path allocates nothing.
	call    shim.Call
	info    callInfo
	regs    registers
	regsOf  int // the thread whose registers they are, which has not run since; 0 for none
	stopped Stopped
	reports []report
	page    [1 << 15]byte
}

func newLoop(p policy, log zerolog.Logger) *loop {
	l := &loop{
		policy:    p,
		log:       log,
		traps:     map[int]bool{},
		threads:   map[int]*thread{},
		processes: map[int]*process{},
		early:     map[int]bool{},
		hasInfo:   true,
		hasKcmp:   true,
		socket:    -1,
		bulk:      -1,
	}
	for _, trap := range slices.Concat(p.Traps(), shim.Always(), Traps()) {
		l.traps[trap.Nr] = true
	}
	return l
}

// add begins to keep account of a tracee.
func (l *loop) add(tid, tgid int) *thread {
	p := l.processes[tgid]
	if p == nil {
		p = &process{tgid: tgid, memory: -1}
		l.have(p, l.filesOf(tid))
		l.processes[tgid] = p
	}
	p.threads++
	p.files.threads++
	t := &thread{loop: l, tid: tid, process: p}
	l.threads[tid] = t
	return t
}

// remove forgets a tracee.
func (l *loop) remove(t *thread) {
	if l.threads[t.tid] == t {
		delete(l.threads, t.tid)
	}
	l.policy.Leave(&t.place)
	p := t.process
	p.threads--
	l.drop(p.files, 1)
	if p.threads > 0 {
		return
	}
	p.forget()
	if l.processes[p.tgid] == p {
		delete(l.processes, p.tgid)
	}
}

// letGo forgets a tracee that goes on untraced.
func (t *thread) letGo() {
	t.process.partial = true
	t.remove(t)
}

// dispatch attends to one report of wait4.
func (l *loop) dispatch(tid int, status unix.WaitStatus) {
	ev := decode(status)
	t := l.threads[tid]
	if t == nil {
		if ev.kind == gone {
			return // ended before anything else was heard of it, or removed at an exec
		}
		if t = l.adopt(tid); t == nil {
			return
		}
	}
	if ev.kind == gone {
		l.end(t)
		if tid == t.process.tgid {
			l.policy.Ended(tid, status)
		}
		return
	}
	if t.inherited != nil {
		t.takeUp()
	}
	t.vforked = ev.kind == cloneStop && ev.number == unix.PTRACE_EVENT_VFORK
	t.found()
	if t.script == nil { // else that knows
		t.expectNoMore()
		t.arrived()
	}
	if ev.kind == execStop {
		t = l.executed(t)
	}
	if t.script != nil {
		t.proceed(ev)
		if ev.kind != execStop {
			return
		}
		// The script has ended; the new program is nothing to it.
	}
	l.stopped.thread = t
	s := &l.stopped
	switch ev.kind {
	case seccompStop, syscallStop, cloneStop, execStop:
		t.stirred()
	}
	switch ev.kind {
	case seccompStop:
		if !t.followed() {
			t.entered = false
		}
		if !l.handOver(s) {
			l.seccomp(s)
		}
	case syscallStop:
		l.syscall(s)
	case cloneStop:
		l.born(t, ev)
		t.entered = true
		s.resume(0)
	case execStop:
		s.resume(0)
	case trapStop:
		t.entered = false
		if t.interrupted && s.mendInterrupted() {
			return
		}
		if !t.fire() {
			s.resume(0)
		}
	case groupStop:
		t.entered = false
		s.listen()
	case signalStop:
		t.entered = false
		t.disarm() // the signal has come first: the call is made anew
		s.resume(ev.signal)
	case anotherEvent:
		s.resume(0)
	}
}

// adopt takes in a thread that stopped before its parent told of it. It does
// not wait for that: the parent may have been killed in between.
func (l *loop) adopt(tid int) *thread {
	tgid, err := tgidOf(tid)
	if err != nil {
		// Without /proc, or with the thread killed a moment ago.
		tgid = tid
	}
	l.early[tid] = true
	return l.add(tid, tgid)
}

// born takes in the new thread or process that t has just made.
func (l *loop) born(t *thread, ev event) {
	var message uint64
	if eventMessage(t.tid, &message) != 0 {
		return
	}
	tid := int(message)
	if l.early[tid] {
		delete(l.early, tid)
		if child := l.threads[tid]; child != nil && child.process != t.process {
			l.policy.Forked(t.process.tgid, child.process.tgid)
			l.inherit(t, child)
		}
		return
	}
	if l.threads[tid] != nil {
		return
	}
	tgid := tid
	// FORK and VFORK are told for processes; CLONE for whatever ends with
	// another signal than SIGCHLD, nearly always a thread.
	if ev.number == unix.PTRACE_EVENT_CLONE && t.cloneFlags()&unix.CLONE_THREAD != 0 {
		tgid = t.process.tgid
	}
	if tgid == tid {
		l.policy.Forked(t.process.tgid, tgid)
	}
	if child := l.add(tid, tgid); tgid == tid {
		l.inherit(t, child)
	}
}

// cloneFlags are the flags of the clone or clone3 that the thread is in.
func (t *thread) cloneFlags() uint64 {
	t.regsOf = 0
	if t.readRegisters() != 0 {
		return 0
	}
	first := t.regs.args()[0]
	if t.regs.number() != unix.SYS_CLONE3 {
		return first
	}
	// Struct clone_args begins with them.
	flags := t.page[:8]
	if n, _ := t.ReadMemory(first, flags); n < len(flags) {
		return unix.CLONE_THREAD
	}
	return binary.NativeEndian.Uint64(flags)
}

// executed keeps account of an execve: all other threads of the process have
// ended, and the one that made the call now bears the process's number.
func (l *loop) executed(leader *thread) *thread {
	p := leader.process
	var message uint64
	if eventMessage(leader.tid, &message) == 0 && int(message) != leader.tid {
		// The thread that lived under this number was killed by the execve and
		// will not be heard of again; nor will the number that called it. What the
		// process holds it goes on holding: it must not come to an end in between.
		was := leader
		leader = l.add(leader.tid, leader.tid)
		l.end(was)
		if caller := l.threads[int(message)]; caller != nil {
			l.end(caller)
		}
	}
	for _, t := range l.threads {
		if t.process == p && t != leader {
			l.end(t)
		}
	}
	p.forget()
	if p.files.threads > p.threads { // others have it: no longer (unshare_files, begin_new_exec in fs/exec.c)
		was := p.files
		l.have(p, l.filesOf(leader.tid))
		l.drop(was, p.threads)
	}
	// The exit stop of the execve, if one comes, is where close-on-exec has happened.
	leader.entered, leader.recheck = true, p.files.follow
	return leader
}

// close gives back what the loop holds, when no tracee is left.
func (l *loop) close() {
	if l.heir != nil {
		close(l.heir.last)
	}
	l.stopWaker()
	if l.inbox != nil {
		close(l.inbox.done)
	}
	for _, fd := range []int{l.socket, l.bulk} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// lacksInfo is called once PTRACE_GET_SYSCALL_INFO has failed with EIO.
func (l *loop) lacksInfo() {
	l.hasInfo = false
	l.startWaker()
}

// end forgets a thread that is no more, and lets its script know.
func (l *loop) end(t *thread) {
	t.expectNoMore()
	t.found()
	l.remove(t)
	t.disarm()
	if t.script != nil {
		t.proceed(event{kind: gone})
	}
	t.arrived()
}

// timed is the time now, if latencies are wanted.
func (l *loop) timed() (start time.Time) {
	if l.policy.Timed() {
		start = time.Now()
	}
	return start
}
