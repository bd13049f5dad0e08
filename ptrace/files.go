package ptrace

import (
	"bytes"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A files is the descriptor table that processes have in common (struct
// files_struct): nearly always one process has it alone, and only clone(2) with
// CLONE_FILES makes more. Who holds a served descriptor is a matter of this table.
// That a descriptor is writable only while every call on it is seen rests on three
// things:
//
//   - Before one is handed over, every other thread of the table has stopped or sleeps:
//     astray counts those of which neither is known. A call that a thread then comes
//     to make is seen; one that it sleeps in was begun with other descriptors.
//   - Threads that are about to be given one are counted, each for itself: expected.
//     As long as there are any, nobody asks whether the table holds one.
//   - It is asked only while no thread of the table is in a call that may copy a
//     descriptor, for such a call could move it from where the look comes later to
//     where it has been.
type files struct {
	threads int  // how many have it
	follow  bool // every call of theirs stops
	// expected counts the threads with thread.expecting.
	expected int
	// astray counts the threads with thread.astray, and gathered is run when there
	// are none any more.
	astray   int
	gathered []func()
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
	mine, its := maker.process.files, child.process.files
	if mine == its || !l.shareFiles(maker.tid, child.tid) {
		return
	}
	l.have(child.process, mine)
	l.drop(its, child.process.threads)
	if mine.follow && !its.follow {
		l.bringIn(mine, maker)
	}
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

// expect has t counted among those that are about to be given a descriptor, until
// its next call.
func (t *thread) expect() {
	if !t.expecting {
		t.expecting = true
		t.process.files.expected++
	}
}

func (t *thread) expectNoMore() {
	if t.expecting {
		t.expecting = false
		t.process.files.expected--
	}
}

// stray notes that t was running when its table began to be followed: it may have
// entered a call that nobody saw.
func (t *thread) stray() {
	if !t.astray && t.script == nil {
		t.astray = true
		t.process.files.astray++
	}
}

// found is the end of that: it has stopped, sleeps or has ended.
func (t *thread) found() {
	if !t.astray {
		return
	}
	t.astray = false
	f := t.process.files
	if f.astray--; f.astray > 0 {
		return
	}
	waiting := f.gathered
	f.gathered = nil
	for _, run := range waiting {
		run()
	}
}

// whenGathered runs then once no thread of f is astray.
func (l *loop) whenGathered(f *files, then func()) {
	if f.astray == 0 {
		then()
		return
	}
	f.gathered = append(f.gathered, then)
	if len(f.gathered) > 1 || !l.hasInbox() {
		return
	}
	// Whoever runs stops by itself. Who sleeps where no tracer can wake him, as the
	// parent of a vfork does, has to be looked at.
	go func(in *inbox) {
		over := make(chan bool, 1)
		for {
			time.Sleep(time.Millisecond)
			in.put(func(l *loop) {
				for _, t := range l.threads {
					if t.process.files == f && t.astray && !isRunning(t.tid) {
						t.found()
					}
				}
				over <- f.astray == 0
			})
			select {
			case done := <-over:
				if done {
					return
				}
			case <-in.done:
				return
			}
		}
	}(l.inbox)
}

// gather waits until no thread of the table is astray.
func (s *Stopped) gather() error {
	f := s.process.files
	if f.astray == 0 {
		return nil
	}
	t, sc := s.thread, s.script
	s.whenGathered(f, func() {
		if t.script == sc { // else killed meanwhile
			t.proceed(event{kind: gathered})
		}
	})
	if sc.await().kind != gathered {
		return errGone
	}
	return nil
}

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
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(tid) + "/stat")
	// "1234 (name) R …": the name may have anything in it.
	at := bytes.LastIndexByte(stat, ')')
	if err != nil || at < 0 || len(stat) < at+3 {
		return 0
	}
	return stat[at+2]
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
