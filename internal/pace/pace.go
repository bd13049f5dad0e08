// Package pace keeps Go's monitor thread (runtime.sysmon) asleep while a
// goroutine makes one blocking system call after the other.
//
// The monitor wakes every 20 µs to 10 ms, the more often the more it finds to
// do; and a goroutine that has not passed through the scheduler for 10 ms is
// something to do, at every look: it takes the processor away from it in each
// system call. On one CPU that costs the supervisor a tenth of all time, in
// gVisor more. A goroutine that yields a little more often gives the monitor
// nothing to find, so that it sleeps for 10 ms at a time.
//
// It also needs a processor (GOMAXPROCS) to spare: without one the monitor takes
// every processor that is in a system call for longer than one look.
package pace

import (
	"runtime"
	"time"
)

const (
	// period is how long a goroutine may go on without the scheduler: less
	// than the runtime's forcePreemptNS, which is 10 ms.
	period = 6 * time.Millisecond
	// few turns in a period are no load: between them the loop sleeps for so long that the
	// monitor goes to sleep by itself. One more, and what the monitor does at each (it is
	// woken, looks a dozen times and takes the processor away) costs more than to yield.
	few = 2
	// most bounds how many turns go by without a look at the clock.
	most = 1024
)

// A Pace belongs to one goroutine. Its zero value is ready.
type Pace struct {
	// left turns go by until the next look at the clock, which can cost a
	// system call; batch is how many they were.
	left, batch int
	// turns have gone by since the goroutine yielded.
	turns           int
	looked, yielded time.Time
}

// Turn is called once in each turn of a loop.
func (p *Pace) Turn() {
	p.turns++
	if p.left--; p.left > 0 {
		return
	}
	if now := time.Now(); p.look(now) {
		// On a locked thread this takes two others and 10 µs, in gVisor 100:
		// once in thousands, or hundreds, of turns.
		runtime.Gosched()
		p.yielded, p.turns = now, 0
	}
}

// look tells whether it is time to yield, and sets the next look.
func (p *Pace) look(now time.Time) bool {
	switch since := now.Sub(p.looked); {
	case since > period && p.batch <= 1:
		// It was asleep, and the monitor has seen to it that it can be.
		p.yielded, p.turns = now, 0
	case since < period/8:
		p.batch = min(max(2*p.batch, 1), most)
	case since > period/3:
		p.batch = max(p.batch/2, 1)
	}
	p.looked, p.left = now, p.batch
	return now.Sub(p.yielded) >= period*2/3 && p.turns >= few
}
