package ptrace

import (
	"bytes"
	"strconv"

	"github.com/shimrun/shimrun/internal/procfs"
)

// mayRun tells whether a thread runs or is about to, in the kernel or outside.
//
// gVisor tells of a thread that it has just been let go as if it slept uninterruptibly,
// until it really runs: on a busy machine for milliseconds (StateStatus in
// pkg/sentry/kernel/task_sched.go). For long it is only told so of the parent of a vfork.
func (t *thread) mayRun() bool {
	switch stateOf(t.tid) {
	case 'R':
		return true
	case 'D':
		return !t.hasInfo && !t.vforked
	}
	return false
}

// hasEnded tells whether a thread is a zombie, as a leader is that has ended before
// the others, or nothing at all.
func hasEnded(tid int) bool {
	state := stateOf(tid)
	return state == 0 || state == 'Z' || state == 'X'
}

// stateOf is a thread's state, the third field of proc_pid_stat(5), or 0.
func stateOf(tid int) byte {
	stat, err := procfs.ReadFile("/proc/" + strconv.Itoa(tid) + "/stat")
	// "1234 (name) R …": the name may have anything in it.
	at := bytes.LastIndexByte(stat, ')')
	if err != nil || at < 0 || len(stat) < at+3 {
		return 0
	}
	return stat[at+2]
}
