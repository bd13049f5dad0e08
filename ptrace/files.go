package ptrace

import "golang.org/x/sys/unix"

// A files is the descriptor table that processes have in common (struct
// files_struct): nearly always one process has it alone, and only clone(2) with
// CLONE_FILES makes more. Who holds a served descriptor is a matter of this table,
// and so is who has to be followed.
type files struct {
	threads int  // how many have it
	follow  bool // every call of theirs stops
	// expected counts the threads with thread.expecting, and astray those with
	// thread.astray.
	expected, astray int
	arrivals
}

// filesOf is the table of a new process's first thread, which has not run yet.
func (l *loop) filesOf(tid int) *files {
	f := &files{}
	// A followed process may have made it, and given it its descriptors.
	if l.followed > 0 && l.policy.Follows(tid) {
		f.follow = true
		l.followed++
	}
	return f
}

// inherit finds out whether a new process has its maker's own table, and no copy.
func (l *loop) inherit(maker, child *thread) {
	f, p := maker.process.files, child.process
	shares := l.shareFiles(maker.tid, child.tid)
	if !l.hasKcmp {
		flags := maker.cloneFlags() // the maker is in that call
		nr := maker.regs.number()
		shares = (nr == unix.SYS_CLONE || nr == unix.SYS_CLONE3) && flags&unix.CLONE_FILES != 0
	}
	if was := p.files; shares && l.join(p, f) && f.follow && !was.follow {
		l.bringIn(f, maker)
	}
}

// join has p known as a process with the table f, and takes along what is known of its
// threads.
func (l *loop) join(p *process, f *files) bool {
	was := p.files
	if was == f || was.arriving != nil {
		return false
	}
	for _, t := range l.threads {
		if t.process != p {
			continue
		}
		if t.astray {
			was.astray--
			f.astray++
		}
		if t.expecting {
			was.expected--
			f.expected++
		}
	}
	l.have(p, f)
	l.drop(was, p.threads)
	return true
}

// have makes f the table of p.
func (l *loop) have(p *process, f *files) {
	f.threads += p.threads
	p.files = f
}

// drop tells that n threads do not have f any more.
func (l *loop) drop(f *files, n int) {
	if f.threads -= n; f.threads == 0 && f.follow {
		l.followed--
	}
}

// shareFiles tells whether two threads have one descriptor table, where the kernel
// can tell (kcmp(2); gVisor cannot).
func (l *loop) shareFiles(a, b int) bool {
	const kcmpFiles = 2 // KCMP_FILES of include/uapi/linux/kcmp.h
	if !l.hasKcmp {
		return false
	}
	r, _, errno := unix.RawSyscall6(unix.SYS_KCMP, uintptr(a), uintptr(b), kcmpFiles, 0, 0, 0)
	l.hasKcmp = errno != unix.ENOSYS
	return errno == 0 && r == 0
}

// hold tells whether a thread of f still holds a writable served descriptor, so
// that it has to be followed. asking is one that is stopped.
func (l *loop) hold(f *files, asking *thread) bool {
	if f.expected > 0 {
		return true
	}
	for _, t := range l.threads {
		if t.process.files == f && t != asking && t.copying {
			t.recheck = true
			return true // it asks at its exit
		}
	}
	if l.policy.Follows(asking.tid) {
		return true
	}
	if !l.split {
		return false
	}
	// A thread can have gone off with a copy of the table.
	for _, t := range l.threads {
		if t.process.files == f && t != asking && !l.shareFiles(asking.tid, t.tid) && l.policy.Follows(t.tid) {
			return true
		}
	}
	return false
}
