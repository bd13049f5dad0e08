package shim

import "golang.org/x/sys/unix"

// fchownPipe has an eye on fchown(2) of a pipe, which old gVisor refuses with
// EPERM whoever asks: containerd gives the pipes that it makes for a container
// to the container's user, and gives up where it cannot. The kernel is asked
// first. The owner stays what it was, and fstat(2) says so.
func (w *Worker) fchownPipe(c *Call) Answer {
	if !w.shim.quirks.fchownPipe || !c.Tracee.CanRewrite() {
		return Answer{}
	}
	st, e := w.statDescriptor(c.TID, dirfdOf(c.Args[0]))
	if e != 0 || st.Mode&unix.S_IFMT != unix.S_IFIFO {
		return Answer{}
	}
	return Answer{Kind: Finish, Nr: c.Nr, Args: c.Args}
}

// finishFchown answers what was refused to a process that any other kernel
// would have let.
func (w *Worker) finishFchown(c *Call, result int64) Answer {
	if result != -int64(unix.EPERM) {
		return answerOf(result)
	}
	who, err := w.who(c)
	st, e := w.statDescriptor(c.TID, dirfdOf(c.Args[0]))
	if err != nil || e != 0 {
		return answerOf(result)
	}
	const same = 1<<32 - 1
	uid, gid := uint32(c.Args[1]), uint32(c.Args[2])
	// Who owns a file may give it to itself and to a group of its own (chown(2)).
	own := who.fsuid == st.Uid && (uid == same || uid == st.Uid) && (gid == same || gid == st.Gid || who.inGroup(gid))
	if !own && !who.has(unix.CAP_CHOWN) {
		return answerOf(result)
	}
	w.count.node(lieFchownPipe)
	w.shim.log.Debug().Int("tid", c.TID).Str("lie", lieFchownPipe).Msg("said that a pipe has another owner now")
	return Answer{Kind: Return}
}
