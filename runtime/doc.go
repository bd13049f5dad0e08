// Package runtime starts a command under the shim and keeps the shim alive
// beside it for as long as anything of the command lives.
//
// The process that the user started becomes the command by execve(2): its pid,
// parent, process group, session, terminal and exit status are the command's
// because they were never anybody else's. What answers its calls is a second
// process, the supervisor, that belongs to nobody:
//
//	shell
//	  └─ shimrun ─── Run ────────── load the filter ─ probe ─ execve ─▶ COMMAND
//	       │  ▲                            │ listener                      │
//	       │  │ socket: Plan, offer,       ▼                               │ trapped
//	       │  │ choice (message.go)     SCM_RIGHTS                         ▼ calls
//	       └─▶ (exits) ─▶ guardian ─▶ supervisor: shim, backend; ends when the last
//	           start.c    guardian.c             filtered task has ended
//
// The two stand in a session of their own, are children of nobody the command
// knows, and hold nothing of the caller's but its standard error, until the
// command ends. Under the seccomp backend the guardian forks another supervisor
// when one dies (what tracees wrote to served sysctls is lost with it); under
// ptrace the tracees die with their tracer (PTRACE_O_EXITKILL).
//
// The supervisor chooses the backend: seccomp user notification (package
// seccomp) where a real round trip proves it and the supervisor can read the
// memory of a process that is no descendant of its own; else ptrace (package
// ptrace); else nothing is started and the exit status is 125.
//
// The package neither knows flags (cmd/shimrun makes the [Plan]) nor decides
// anything about a call (package shim does).
package runtime
