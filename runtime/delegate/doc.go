// Package delegate has another OCI runtime run a bundle, and adds the shim to
// it: the bundle's seccomp rules gain the calls that the profile needs, as
// notifications, and a supervisor outside of the container answers them.
//
//	shimrun create ── config.json + SCMP_ACT_NOTIFY rules ──▶ runc create
//	      │ listens at listenerPath                               │
//	      │◀──────────── the listener of the container's filter ──┤
//	      ▼                                                       ▼
//	  supervisor ◀─────────── notifications ─────────────── the container
//
// Where the runtime or the kernel has no user notification, the shim enters the
// container instead ([Engine.Wrap]): this program, bound into it, is what the
// runtime starts, and becomes the container's process under a supervisor beside
// it.
//
//	process.args = sh  ──▶  /dev/shimrun-within PLAN sh  ──▶  sh
//	                                │ forks
//	                                ▼
//	                            supervisor, in the container
//
// Which runtime that is, is looked for ([Find]) and tried out ([Try]). It is never
// this program, which may stand in a runtime's place: by files that are it, by what
// a candidate says of itself, and by what an [Engine] hands over ([IsRuntime],
// [EnterTrial]).
//
// What the bundle's rules deny stays denied: only what they allow is answered
// by the shim ([Merge]). The runtime keeps its state in the container's folder
// (package container), and all other verbs are its own.
package delegate
