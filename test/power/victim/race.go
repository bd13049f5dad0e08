package main

import (
	"fmt"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

// A race is one thread that changes one byte of a name, and others that make
// calls with it: each call is about one of two names, and must be answered for
// one of them.
type race struct {
	name  []byte // with a NUL
	at    int    // the byte that changes
	other byte
	only  int // how files are opened that are written to, where it is not to read and write
	end   time.Time
	tries atomic.Int64
	wrong sync.Map // what came that is neither's, and how often
}

func newRace(one, other string, end time.Time) *race {
	r := &race{name: append([]byte(one), 0), other: one[0], end: end}
	for i := range one {
		if one[i] != other[i] {
			r.at, r.other = i, other[i]
		}
	}
	return r
}

// raced has the calls of a kind race for a time, and says what was wrong.
//
//	victim race KIND DIR SECONDS TRIES
func raced(args []string) error {
	kind, dir := args[0], args[1]
	seconds, err := strconv.ParseFloat(args[2], 64)
	if err != nil {
		return err
	}
	tries, err := strconv.ParseInt(args[3], 10, 64)
	if err != nil {
		return err
	}
	in := filepath.Join(dir, "race")
	end := time.Now().Add(time.Duration(seconds * float64(time.Second)))
	if tries > 0 {
		end = time.Now().Add(24 * time.Hour)
	}
	var r *race
	var calls []func()
	switch kind {
	case "look":
		r = newRace(in+"/a", in+"/b", end)
		calls = []func(){r.read, r.stat, r.statfs}
	case "link":
		r = newRace(in+"/l", in+"/m", end)
		calls = []func(){r.readlink, r.readlink}
	case "write":
		if err := change(syscall.Credential{Uid: acts.NobodyID, Gid: acts.NobodyID}); err != nil {
			return err
		}
		r = newRace(in+"/a", in+"/b", end)
		calls = []func(){r.write, r.write, r.stat}
	case "sysctl":
		if err := change(syscall.Credential{Uid: acts.NobodyID, Gid: acts.NobodyID}); err != nil {
			return err
		}
		r = newRace(acts.Raced, acts.RacedWith, end)
		calls = []func(){r.writeNumber, r.writeJunk, r.readNumber}
	case "as-root": // who may write the machine's own as well
		r = newRace(acts.Raced, acts.RacedWith, end)
		calls = []func(){r.writeNumber, r.writeNumber, r.writeNumber}
	case "threads":
		r = newRace(acts.Raced, acts.Raced, end) // the same name, by many threads
		calls = []func(){r.writeNumber, r.writeJunk, r.writeJunk, r.writeJunk, r.readNumber, r.writeJunk, r.writeJunk, r.writeJunk}
	case "writers": // the same, by descriptors that are only written to
		r = newRace(acts.Raced, acts.Raced, end)
		r.only = unix.O_WRONLY
		calls = []func(){r.writeNumber, r.writeJunk, r.writeJunk, r.writeJunk, r.readNumber, r.writeJunk, r.writeJunk, r.writeJunk}
	case "again":
		if r, err = again(in, end); err != nil {
			return err
		}
		calls = []func(){r.openAgain, r.openAgain}
	default:
		return fmt.Errorf("no race %q", kind)
	}
	r.run(calls, tries)
	r.wrong.Range(func(what, times any) bool {
		say(Line{Faults: []string{fmt.Sprintf("%s, %d times in %d tries", what, times.(*atomic.Int64).Load(), r.tries.Load())}})
		return true
	})
	say(Line{Act: kind, Outcome: fmt.Sprint(r.tries.Load())})
	return nil
}

// run makes the calls, each in a thread, while another changes the name.
func (r *race) run(calls []func(), tries int64) {
	var stop atomic.Bool
	var callers, changer sync.WaitGroup
	changer.Go(func() {
		one := r.name[r.at]
		// The pause must hit the moment between two looks at the name, wherever
		// in the supervisor that is.
		for i := 0; !stop.Load(); i++ {
			for range i % 1000 {
				pause()
			}
			put(r.name, r.at, r.other)
			for range i % 777 {
				pause()
			}
			put(r.name, r.at, one)
		}
	})
	for _, call := range calls {
		callers.Go(func() {
			for time.Now().Before(r.end) && (tries == 0 || r.tries.Load() < tries) {
				call()
				r.tries.Add(1)
			}
		})
	}
	callers.Wait()
	stop.Store(true)
	changer.Wait()
}

//go:noinline
func put(name []byte, at int, c byte) { name[at] = c }

//go:noinline
func pause() {}
