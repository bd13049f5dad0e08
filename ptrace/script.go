package ptrace

import "iter"

// A script is a sequence of requests during which its thread has to stop more
// than once. It runs as a coroutine of the tracing thread: whenever it waits
// for the next stop, the loop goes on with other threads. A thread that is
// killed meanwhile ends its script too, with [errGone] from the wait.
type script struct {
	next  func() (struct{}, bool)
	yield func(struct{}) bool
	event event
}

// start runs f up to its first wait, or to its end.
func (t *thread) start(f func(*Stopped)) {
	sc := &script{}
	sc.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		sc.yield = yield
		f(&Stopped{t})
	})
	t.script = sc
	t.proceed(event{})
}

// proceed tells a thread's script what wait4 has reported, and runs it on.
func (t *thread) proceed(ev event) {
	sc := t.script
	sc.event = ev
	if _, more := sc.next(); !more && t.script == sc {
		t.script = nil
	}
}

// await leaves the script until its thread reports again.
func (sc *script) await() event {
	sc.yield(struct{}{})
	return sc.event
}
