// Package ptrace serves a shim's policy to a tree of processes by ptrace(2),
// where seccomp user notification is missing: in gVisor, on old kernels, and
// where somebody else already listens.
//
// The tracees carry a seccomp filter that returns SECCOMP_RET_TRACE with
// [FilterData] for the calls of interest; all others run at full speed. A call
// that is let through costs one stop:
//
//	tracee                                tracer (one locked OS thread)
//	  │ openat(…)
//	  ├─ filter: RET_TRACE ─ stop ──────▶ wait4
//	  │                                   number and arguments (one request)
//	  │                                   policy: Handle ─▶ reads the path (one call)
//	  │◀───────────────────────────────── PTRACE_CONT                     Continue
//	  │◀───────────────────────────────── number = -1, result, CONT       Fail, Return
//	  │◀───────────────────────────────── other arguments, SYSCALL        Rewrite, Install,
//	  ├─ exit stop ─────────────────────▶ registers as they were, result  EnterDirectory
//	  │◀───────────────────────────────── PTRACE_CONT
//
// What needs more than one stop of the same thread is a script: straight code
// in a coroutine of the tracing thread, so that the stops of other threads are
// served in between and nothing ever waits for one thread alone.
//
// The tracing thread must not wait for a tracee, and a name may lead to files that
// a tracee serves, or lie in memory that it provides. Once one may (FUSE, userfaultfd),
// the policy is asked on other threads, by errands; an answer comes back through the
// tracing thread's inbox. What may wait for others besides, an open of a FIFO, the
// tracee does by itself.
//
// A process that holds a writable served descriptor is followed: all its calls
// stop, until [shim.Shim.Follows] says that it holds none any more; arrivals says why
// none of its writes is missed. [Follower] does the same, from outside, for the seccomp
// backend.
//
// Where the time of a process is limited (RLIMIT_CPU), one tracing thread is
// followed by another, its heir, which takes the tracees over one by one.
//
// The package starts no process, loads no filter and knows no policy. It is no
// debugger either: a tracee that wants to use ptrace itself (strace, gdb,
// delve) cannot, since a thread has one tracer; the log says so once.
//
// Limits that come with the mechanism: a setuid program gains nothing unless
// the tracer has CAP_SYS_PTRACE (execve(2)); a process made with
// CLONE_UNTRACED keeps the filter but loses the tracer (see [Traps]); calls
// made on a tracee's behalf pass through filters that it loaded itself.
package ptrace
