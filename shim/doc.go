// Package shim decides what becomes of a system call that a tracee made.
//
// A backend (packages seccomp and ptrace) stops a thread at the entry of a call
// and hands it over as a [Call]; a [Worker] of the [Shim] returns an [Answer],
// which the backend carries out. The shim knows nothing of backends; backends
// know nothing of what is served.
//
//	backend: a thread is stopped at openat(dirfd, name, flags)
//	   │  Call{Nr, Args, TID, Tracee}
//	   ▼
//	Worker.Handle          which handler? (specs, calls.go: one row a system call)
//	   ▼
//	Worker.readPath        our own copy of the name
//	   ▼
//	Worker.resolve         what does the name lead to, for this tracee?
//	   │ 1 text            below /proc there are no links but magic ones: no look-up
//	   │ 2 one look-up     the object, or a missing one's folder, is on a filesystem
//	   │                   in which nothing is served: not ours
//	   │ 3 walk            component by component: links, "..", chroot, mounts, magic links
//	   ▼
//	handler                asks fakefs; checks what the kernel would check
//	   ▼
//	Answer                 Continue · Fail · Return · Install · EnterDirectory · Rewrite · Finish
//
// What is handed out to tracees are stand-ins: a file in memory for a file, a pipe for a
// stream, a removed directory for a directory. They are recognised afterwards
// by their identity (device and inode number), so that fstat, fstatfs,
// getdents, "..", openat with a dirfd and /proc/self/fd lead back to the node. No way
// leads from them to anything else, and what readers have no tracee can change.
//
// What the package does for a tracee it does with that tracee's rights ([Shim.as]):
// docs/security.md says why no power is added.
//
// Wherever it answers [Continue] after it has read the tracee's memory, the kernel
// reads that memory again, and another thread may have changed it meanwhile. Such a
// program only deprives itself of a lie: the kernel checks everything that it does
// itself, with the program's own rights.
//
// Not for: starting programs (package runtime), the text of served files
// (package fakefs), filters (package seccomp).
package shim
