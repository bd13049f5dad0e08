package ptrace

import "time"

// An arrival is the moment in which a descriptor may come to a number of a followed
// table: a served one that is handed over, or a copy. That no write of a value that
// the node would refuse gets to the kernel, however many threads there are, rests on
// this:
//
//   - A write is left to the kernel only where its descriptor was looked at and is not
//     a served one. Until that thread stops or sleeps it is astray: the kernel may be
//     about to look the number up. (Who sleeps in a call has done that.) Astray are
//     also the threads that ran on when following began, in calls nobody has seen.
//   - An arrival begins when nobody is astray, and while there is one no write goes
//     to the kernel, nor does another arrival begin: they wait in line.
//   - Threads that are to be given a descriptor are counted, each for itself, and calls
//     that may copy one are known: as long as there are any, nobody asks whether the
//     table holds a served one, and it goes on being followed.
//
// Only threads of one table wait for each other here, and for no longer than one of
// them takes to get from a call's entry to its end or its sleep.
type arrivals struct {
	arriving *thread  // whose descriptor is on its way
	gathered func()   // begins that, once nobody is astray
	line     []func() // what comes after it
	watched  bool
}

// expect counts t among those that are to be given a descriptor.
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

// stray notes that t may be on its way to a descriptor.
func (t *thread) stray() {
	if !t.astray {
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
	if f.astray--; f.astray == 0 && f.gathered != nil {
		begin := f.gathered
		f.gathered = nil
		begin()
	}
}

// arrive runs then when a descriptor may come to t, or t is no more.
func (l *loop) arrive(t *thread, then func()) {
	f := t.process.files
	switch {
	case l.threads[t.tid] != t:
		then()
	case f.arriving == t && f.gathered == nil && f.astray == 0:
		then()
	case f.arriving == t && f.gathered == nil:
		f.gathered = then
		l.watch(f)
	case f.arriving == t:
		begin := f.gathered
		f.gathered = func() { begin(); then() }
	case f.arriving != nil:
		l.lineUp(f, func() { l.arrive(t, then) })
	case f.astray > 0:
		f.arriving, f.gathered = t, then
		l.watch(f)
	default:
		f.arriving = t
		then()
	}
}

func (l *loop) lineUp(f *files, next func()) {
	f.line = append(f.line, next)
	l.watch(f)
}

// arrived ends the arrival at t, if there is one.
func (t *thread) arrived() {
	f := t.process.files
	if f.arriving != t {
		return
	}
	f.arriving = nil
	if begin := f.gathered; begin != nil { // t has ended before
		f.gathered = nil
		begin()
	}
	line := f.line
	f.line = nil
	for _, next := range line {
		next() // or lines up again
	}
}

// awaitArrival is arrive for a script.
func (s *Stopped) awaitArrival() error {
	t, sc := s.thread, s.script
	var now, awaits bool
	s.arrive(t, func() {
		if now = true; awaits && t.script == sc {
			t.proceed(event{kind: arrival})
		}
	})
	if now {
		return nil
	}
	awaits = true
	ev := sc.await()
	awaits = false
	if ev.kind != arrival {
		return errGone
	}
	return nil
}

// watch looks after threads that sleep where no tracer can wake them, as the parent
// of a vfork does. Whoever runs stops by itself.
func (l *loop) watch(f *files) {
	if f.watched || !l.hasInbox() {
		return
	}
	f.watched = true
	go func(in *inbox) {
		goOn := make(chan bool, 1)
		for {
			time.Sleep(time.Millisecond)
			in.put(func(l *loop) {
				for _, t := range l.threads {
					if t.process.files == f && t.astray && !t.mayRun() {
						t.found()
					}
				}
				// A copy is made before the descriptor that it replaces is closed, which can
				// take long.
				if t := f.arriving; t != nil && t.copying && f.gathered == nil && !t.mayRun() {
					t.arrived()
				}
				f.watched = f.gathered != nil || len(f.line) > 0
				goOn <- f.watched
			})
			select {
			case more := <-goOn:
				if !more {
					return
				}
			case <-in.done:
				return
			}
		}
	}(l.inbox)
}
