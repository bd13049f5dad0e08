package ptrace

import (
	"testing"

	"github.com/shimrun/shimrun/shim"
)

// An interruption of which nothing comes is made again, some times; one of a thread
// that has reported is not.
func TestLostInterruption(t *testing.T) {
	l := &loop{threads: map[int]*thread{}, waker: &waker{}}
	const nobody = 1 << 30 // a number above any pid_max
	lost := &thread{loop: l, tid: nobody, stir: true, last: shim.Call{Nr: -1}}
	l.threads[nobody] = lost
	times := 0
	for round, asked := 0, uint32(0); round < 10*lostAfter; round++ {
		l.waker.rung.Store(true)
		l.wake()
		if !lost.interrupted {
			t.Fatal("not interrupted")
		}
		if lost.asked != asked {
			times, asked = times+1, lost.asked
		}
	}
	if want := 1 + mostAgain; times != want {
		t.Errorf("interrupted %d times, want %d", times, want)
	}
	if l.waker.due.Load() {
		t.Error("it is still looked after")
	}
	lost.interrupted = false // it has reported
	l.waker.rung.Store(true)
	if l.wake(); lost.interrupted {
		t.Error("interrupted without a stop in between")
	}
}
