// Package runtime starts a command under the shim and keeps the shim alive
// beside it for as long as anything of the command lives.
//
// The process that the user started becomes the command by execve(2): its pid,
// parent, process group, session, terminal and exit status are the command's
// because they were never anybody else's. What answers its calls is a second
// process, the supervisor, that belongs to nobody:
//
//	shell
//	  └─ shimrun ─ launcher.c ───── load the filter ─ probe ─ execve ─▶ COMMAND
//	       │          ▲   │ answer:                                   │
//	       │ fork     │   │ listener                                  │ trapped
//	       │    order │   ▼                                           ▼ calls
//	       └─▶ guardian.c ─▶ supervisor: main ─ Run ─ shim, backend; ends when the
//	                                              last filtered task has ended
//
// The fork is made before the Go runtime starts (start.c): the child is what reads
// the command line and calls [Run], and the parent obeys it (order_unsafe.go).
// What is no run of a command calls [StepAside], and goes on in the parent.
//
// The two stand in a process group of their own without a terminal, are children
// of nobody the command knows, and hold nothing of the caller's but its standard error, until the
// command ends. Under the seccomp backend the guardian forks another supervisor
// when one dies (what tracees wrote to served sysctls is lost with it); under
// ptrace the tracees die with their tracer (PTRACE_O_EXITKILL).
//
// Limits of setrlimit(2) are the command's. What only serves it lifts its own before
// the Go runtime starts, and gets by with little where it may not (limits.c,
// reserve.c, apart.c).
//
// The supervisor chooses the backend: seccomp user notification (package
// seccomp) where a real round trip proves it and the supervisor can read the
// memory of a process that is no descendant of its own; else ptrace (package
// ptrace); else nothing is started and the exit status is 125.
//
// The package neither knows flags (cmd/shimrun makes the [Plan]) nor decides
// anything about a call (package shim does).
package runtime
