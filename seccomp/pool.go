package seccomp

import (
	"runtime"
	"sync"
	"time"
)

const (
	// stuckAfter is how long a receiver may be at one call before another
	// takes its place: its handler may wait for something that another tracee
	// has to do first (a file on a FUSE whose server is under this very shim).
	stuckAfter = 20 * time.Millisecond
	// most bounds how many can be stuck at once.
	most = 512
)

// pool is the set of a server's receivers.
type pool struct {
	server *Server
	// enough is how many may serve a crowd at once.
	enough int32
	shared

	watchdog chan struct{}
	stopped  chan struct{}

	mu        sync.Mutex
	receivers []*receiver
	resting   []*receiver
}

func (s *seat) done() { s.turn.Add(1) }

func (p *pool) start(s *Server) {
	p.server = s
	p.enough = int32(min(4, max(2, runtime.NumCPU())))
	p.watchdog = make(chan struct{}, 1)
	p.stopped = make(chan struct{})
	p.grow(p.enough)
	go p.watch()
}

func (p *pool) stop() { close(p.stopped) }

// grow adds a receiver, one that rests or a new one, unless limit are active.
func (p *pool) grow(limit int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.active.Load() >= limit {
		return
	}
	p.active.Add(1)
	if n := len(p.resting); n > 0 {
		r := p.resting[n-1]
		p.resting = p.resting[:n-1]
		r.wake <- struct{}{}
		return
	}
	r := p.server.newReceiver(p.server.Journal.claim())
	p.receivers = append(p.receivers, r)
	go r.run()
}

// notice looks after the pool once r has received something.
func (p *pool) notice(r *receiver) {
	if !p.watched.Load() {
		p.wakeWatchdog()
	}
	if r.seat.mixed >= crowded {
		r.seat.mixed = 0
		if p.active.Load() < p.enough {
			p.grow(p.enough)
		}
	}
}

// stays tells whether r is to receive again; a receiver that is one too many
// rests in here until it is wanted.
func (p *pool) stays(r *receiver) bool {
	if r.seat.alone < lonely {
		return true
	}
	r.seat.alone = 0
	if p.active.Load() == 1 {
		return true
	}
	p.mu.Lock()
	if p.active.Load() == 1 {
		p.mu.Unlock()
		return true
	}
	p.active.Add(-1)
	p.resting = append(p.resting, r)
	p.mu.Unlock()
	select {
	case <-r.wake:
		return true
	case <-p.stopped:
		return false
	}
}

func (p *pool) wakeWatchdog() {
	if p.watched.CompareAndSwap(false, true) {
		p.watchdog <- struct{}{}
	}
}

// watch adds receivers when all active ones are stuck in a call. It ticks
// only while calls come in, and sleeps otherwise.
func (p *pool) watch() {
	var before []uint64
	for {
		select {
		case <-p.watchdog:
		case <-p.stopped:
			return
		}
		for {
			select {
			case <-time.After(stuckAfter):
			case <-p.stopped:
				return
			}
			var stuck, moved int
			before, stuck, moved = p.survey(before)
			if stuck > 0 && int32(stuck) >= p.active.Load() {
				for range stuck { // as many again: who wait for each other can be many
					p.grow(most)
				}
			}
			if moved > 0 || stuck > 0 {
				continue
			}
			p.watched.Store(false)
			// A call that came between the survey and the store found the
			// watchdog awake still.
			if before, _, moved = p.survey(before); moved == 0 {
				break
			}
			if !p.watched.CompareAndSwap(false, true) {
				break // woken meanwhile: the channel has it
			}
		}
	}
}

// survey counts the receivers that are at the same call as before, and those
// that have done anything since.
func (p *pool) survey(before []uint64) (now []uint64, stuck, moved int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, r := range p.receivers {
		turn := r.seat.turn.Load()
		if i == len(before) {
			before = append(before, 0)
		}
		switch {
		case turn != before[i]:
			moved++
		case turn%2 == 1:
			stuck++
		}
		before[i] = turn
	}
	return before, stuck, moved
}
