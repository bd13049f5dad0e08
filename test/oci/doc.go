// Package oci runs containers with the real binary, by the command line that
// containerd uses, and holds it against the runtime specification and against
// runc itself.
//
//	bundle_test.go     bundles of busybox
//	engine_test.go     the runtimes: shimrun in each mode, and runc
//	lifecycle_test.go  each operation in each state, in all of them
//	crash_test.go      kill -9 at every step
//	delegate_test.go   what depends on the other runtime: runc, crun, runsc
//	bad_test.go        bundles that must be refused, and leave nothing behind
//	builtin_test.go    what mode builtin gives a program
//	gvisor_test.go     the same in gVisor
//	boxed_test.go      containerd in gVisor
//	kubelet_test.go    and kubelet with it
//
// install fetches what the tests need; without root, or without these, they are
// skipped, and with CI=true they fail.
package oci
