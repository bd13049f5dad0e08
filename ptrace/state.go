package ptrace

import (
	"bytes"
	"strconv"

	"github.com/shimrun/shimrun/internal/procfs"
)

// isRunning tells whether a thread runs or is about to, in the kernel or outside.
func isRunning(tid int) bool { return stateOf(tid) == 'R' }

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
