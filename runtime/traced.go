package runtime

import (
	"os"
	"strconv"
	"syscall"
)

// traced tells that this process's main thread is under the tracer.
var traced bool

// endTraced ends a traced process that could not become the command. It does
// so by way of execve, which leaves one thread: gVisor (December 2022) never
// reports the end of a traced main thread to its tracer where other threads of
// the process are not traced, and the process stays a zombie for as long as the
// tracer lives, which is for good. It returns only if that fails.
func endTraced(code int) {
	args := []string{lastWordsName, strconv.Itoa(code)}
	if own >= 0 {
		_ = execDescriptor(own, args)
	}
	_ = syscall.Exec("/proc/self/exe", args, os.Environ())
}

// lastWordsName is argv[0] of a process that only ends; start.c knows it.
const lastWordsName = "shimrun-last-words"
