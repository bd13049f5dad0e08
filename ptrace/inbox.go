package ptrace

import "time"

// An inbox has functions of other threads run on a tracing thread, which alone may
// make requests.
type inbox struct {
	bell bell
	work chan work
	done chan struct{} // closed when nobody looks into it any more
}

type work struct {
	run   func(*loop)
	taken chan struct{}
}

// newInbox makes the calling thread's inbox. It must be locked to its goroutine.
func newInbox() (*inbox, error) {
	b, err := newBell()
	if err != nil {
		return nil, err
	}
	return &inbox{b, make(chan work, 16), make(chan struct{})}, nil
}

// put returns when the tracing thread is about to run f, or never will.
func (in *inbox) put(f func(*loop)) {
	w := work{f, make(chan struct{})}
	select {
	case in.work <- w:
	case <-in.done:
		return
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		in.bell.ring()
		select {
		case <-w.taken:
			return
		case <-in.done:
			return
		case <-tick.C:
		}
	}
}

// serve runs what is there.
func (in *inbox) serve(l *loop) {
	for len(in.work) > 0 {
		in.serveNext(l)
	}
}

// serveNext waits for something to run.
func (in *inbox) serveNext(l *loop) {
	w := <-in.work
	close(w.taken)
	w.run(l)
}
