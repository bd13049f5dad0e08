package shim

import (
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

// forgetClosed forgets objects that nobody has open any more. One that is on its way to a
// tracee, or from one to another in a message, is in nobody's table for a moment: so only
// what was not there twice is forgotten, with as many opens in between as begin a look.
//
// What only a thread with a descriptor table of its own has open is not seen here, nor is
// what a process has that the supervisor may not look at. Who has such a file open for
// long reads what is in it, but its fstat shows the memfd, and what is written there is
// not looked at.
func (h *handedOuts) forgetClosed() {
	open := map[identity]bool{}
	pids, _ := procfs.Numbers("/proc")
	for _, pid := range pids {
		h.findOpen(strconv.Itoa(pid), open)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, o := range h.objects {
		switch {
		case o.shared:
		case open[id]:
			o.unseen = 0
		case o.unseen > 0:
			h.delete(id)
			h.private--
		default:
			o.unseen++
		}
	}
	h.most = h.private + manyPrivate
	h.looking = false
}

// findOpen notes what a process has open, is in or has as its root.
func (h *handedOuts) findOpen(pid string, open map[identity]bool) {
	dir, err := unix.Open("/proc/"+pid, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return // it has ended
	}
	defer unix.Close(dir)
	note := func(name string) {
		var st unix.Statx_t
		// A file whose server does not answer is not waited for.
		if unix.Statx(dir, name, unix.AT_STATX_DONT_SYNC, unix.STATX_INO, &st) != nil {
			return
		}
		if id := (identity{unix.Mkdev(st.Dev_major, st.Dev_minor), st.Ino}); h.devs.has(id.dev) {
			open[id] = true
		}
	}
	note("cwd")
	note("root")
	numbers, _ := procfs.Numbers("/proc/" + pid + "/fd")
	for _, n := range numbers {
		note("fd/" + strconv.Itoa(n))
	}
}
