// Package fakefs holds what shimrun tells a program instead of what the kernel
// would say: a tree of served files, typed sysctls with the kernel's own rules
// for writing, and lies about filesystems that every file agrees on.
//
// It knows nothing of system calls, processes or backends, and never touches
// the real machine but through [View] and [Machine]; so all of it can be tested
// without privileges. It is no sandbox: a program that wants to find out that
// it is being lied to will.
//
// The way of a profile, and then of a call:
//
//	kubernetes.yaml ─┐
//	gvisor.yaml      ├─ decode ── merge (extends, --set, --file, --fs) ── Profile
//	9p.yaml         ─┘  strict,     a contradiction names both places       │
//	                    with places                                        Tree
//	                                                                        │
//	"/proc/sys/kernel/panic" ── Tree.Lookup ── Node ── Content.Read(View) ──┤
//	                            map, pattern,           sysctl: its value   │
//	                            block device            generator: made     │
//	                                                    from View.Real()    ▼
//	                                                                      bytes
//
// A profile is the only source: what uname(2), /proc/version and
// /proc/sys/kernel/osrelease say is one declaration, and so is what statfs(2),
// /proc/PID/mountinfo, /proc/filesystems and /sys/dev/block say.
package fakefs
