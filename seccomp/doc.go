// Package seccomp is the backend that needs no tracer: a filter hands chosen
// system calls to a supervisor as notifications (seccomp_unotify(2)), and the
// supervisor answers each one. Everything else that the program calls runs at
// full speed and unseen.
//
//	tracee              kernel                           supervisor
//	openat(…) ────────▶ filter: RET_USER_NOTIF
//	  │ sleeps          Listener ──── NOTIF_RECV ──────▶ receiver (a locked thread)
//	  │                          ◀─── process_vm_readv ─  pass.c: an ordinary file?
//	  │                          ◀─── NOTIF_SEND ───────  yes: Continue
//	  │                                                   no: shim.Worker.Handle
//	  │                          ◀─── NOTIF_SEND ─────── Continue, Fail, Return
//	  ▼                          ◀─── NOTIF_ADDFD|SEND ─ Install
//	 result
//
// Most calls are about ordinary files, and are let pass in C without Go's runtime,
// by what shim.Passing says (statfs is answered there, with the type that is told):
// waiting for the next call in Go costs more than all that is done with it.
//
// The package turns a list of [shim.Trap] into a BPF program ([Program]), loads
// it ([Load]), and serves the listener ([Server]). It also builds and loads the
// RET_TRACE filter that the ptrace backend needs, for the launcher is the one
// who loads both.
//
// It starts no process and knows of no command line: package runtime does. It
// decides nothing about a call: package shim does, and pass.c repeats it. It is not
// a sandbox: a call that was read and then continued can have been changed by
// another thread in between (seccomp_unotify(2), "Caveats regarding the use of
// SECCOMP_USER_NOTIF_FLAG_CONTINUE"), which is harmless only because the shim
// guards nothing.
package seccomp
