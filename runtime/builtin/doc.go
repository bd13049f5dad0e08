// Package builtin runs OCI bundles where no other runtime can: it needs no
// namespaces, no mounts and no control groups. What of them there is it uses,
// and what was asked for and is missing it lists.
//
//	shimrun create                         shimrun-init, which becomes the program
//	  │ Create: folder, lock, assignment
//	  ├──── start ──────────────────────▶  under the shim (runtime.Enter)
//	  │                                    namespaces
//	  │ ◀─── asks for the runtime's hooks ─┤
//	  ├──── prestart, createRuntime done ▶ mounts, createContainer hooks
//	  │                                    pivot_root or chroot; terminal
//	  │                                    limits, user, capabilities
//	  │ ◀─── ready, and what is missing ───┤
//	  ├──── go ─────────────────────────▶  waits at the FIFO
//	  ▼ writes the pid file, ends          │
//	shimrun start ──── a byte ──────────▶  startContainer hooks, seccomp
//	  │ waits until the lock is free       ▼ execve: gives the lock back
//	  ▼ poststart hooks                  PROGRAM
//
// The process is a child of whoever called create, and then of whoever takes
// in orphans: its exit status is the program's own. When a side dies before
// "go", the other gives up. From then on nothing but the process itself is
// needed to know what the container is (package container).
//
// It is no sandbox. A chroot keeps no root user in, and what [container.Lack]
// names is open. Where runc works, package delegate is the better way.
package builtin
