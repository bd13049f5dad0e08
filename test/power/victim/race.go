package main

import (
	"fmt"
	"os"
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
		r = newRace(in+"/a", in+"/b", end)
		calls = []func(){r.write, r.write, r.read}
	case "sysctl":
		r = newRace(acts.Raced, acts.RacedWith, end)
		calls = []func(){r.writeNumber, r.writeJunk, r.readNumber}
	case "threads":
		r = newRace(acts.Raced, acts.Raced, end) // the same name, by many threads
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

func (r *race) fault(format string, args ...any) {
	times, _ := r.wrong.LoadOrStore(fmt.Sprintf(format, args...), new(atomic.Int64))
	times.(*atomic.Int64).Add(1)
}

// oneOf complains about what is none of two.
func (r *race) oneOf(what, came, a, b string) {
	if came != a && came != b {
		r.fault("%s gives %q", what, came)
	}
}

func (r *race) read() {
	fd, err := openRaw(r.name, unix.O_RDONLY)
	if err != nil {
		r.fault("open to read: %v", err)
		return
	}
	defer unix.Close(fd)
	buf := make([]byte, 100)
	n, err := unix.Read(fd, buf)
	if err != nil {
		r.fault("read: %v", err)
	}
	// Texts that are written begin with their first letter as well.
	if came := string(buf[:n]); came != "" {
		r.oneOf("a read", came[:1], acts.RaceServed[:1], acts.RaceReal[:1])
	}
}

func (r *race) stat() {
	var st unix.Stat_t
	if err := statRaw(r.name, &st); err != nil {
		r.fault("stat: %v", err)
		return
	}
	r.oneOf("stat", fmt.Sprintf("%#o", st.Mode), "0100644", "0100640")
}

func (r *race) statfs() {
	var st unix.Statfs_t
	if err := statfsRaw(r.name, &st); err != nil {
		r.fault("statfs: %v", err)
		return
	}
	if st.Type != int64(acts.RaceType()) {
		r.fault("statfs gives the type %#x", st.Type)
	}
}

func (r *race) readlink() {
	buf := make([]byte, 100)
	n, err := readlinkRaw(r.name, buf)
	if err != nil {
		r.fault("readlink: %v", err)
		return
	}
	r.oneOf("readlink", string(buf[:n]), "served", "real")
}

// write opens for writing, and writes what may be in either.
func (r *race) write() {
	fd, err := openRaw(r.name, unix.O_RDWR)
	if err != nil {
		r.fault("open to write: %v", err)
		return
	}
	defer unix.Close(fd)
	buf := make([]byte, 1)
	if _, err := unix.Pread(fd, buf, 0); err != nil {
		r.fault("read: %v", err)
	}
	r.oneOf("open to write", string(buf), acts.RaceServed[:1], acts.RaceReal[:1])
	_, _ = unix.Pwrite(fd, buf, 0)
}

func (r *race) writeNumber() { r.put("100\n", nil) }
func (r *race) writeJunk()   { r.put("junk\n", unix.EINVAL) }

func (r *race) put(text string, want error) {
	fd, err := openRaw(r.name, unix.O_RDWR)
	if err != nil {
		r.fault("open to write: %v", err)
		return
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte(text)); err != want {
		r.fault("a write of %q comes to %v", text, err)
	}
}

func (r *race) readNumber() {
	fd, err := openRaw(r.name, unix.O_RDONLY)
	if err != nil {
		r.fault("open to read: %v", err)
		return
	}
	defer unix.Close(fd)
	buf := make([]byte, 100)
	n, err := unix.Read(fd, buf)
	if err != nil {
		r.fault("read: %v", err)
		return
	}
	if came := string(buf[:n]); came != "100\n" && came != acts.RacedValue && came != acts.RacedWithValue {
		r.fault("a read gives %q", came)
	}
}

// again makes a race between two descriptors of nobody's: one of a served file
// that only root writes, one of a file of its own.
func again(in string, end time.Time) (*race, error) {
	mine := filepath.Join(in, "shared", "of-nobody")
	if err := change(syscall.Credential{Uid: acts.NobodyID, Gid: acts.NobodyID}); err != nil {
		return nil, err
	}
	if err := os.WriteFile(mine, []byte("mine\n"), 0o644); err != nil {
		return nil, err
	}
	// Numbers of one digit more, which nothing else has.
	for number, name := range map[int]string{60: filepath.Join(in, "a"), 61: mine} {
		fd, err := unix.Open(name, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err == nil {
			err = unix.Dup3(fd, number, unix.O_CLOEXEC)
		}
		if err != nil {
			return nil, err
		}
	}
	return newRace("/proc/thread-self/fd/60", "/proc/thread-self/fd/61", end), nil
}

func (r *race) openAgain() {
	fd, err := openRaw(r.name, unix.O_RDWR)
	if err == unix.EACCES {
		return
	}
	if err != nil {
		r.fault("open again: %v", err)
		return
	}
	defer unix.Close(fd)
	buf := make([]byte, 4)
	if _, err := unix.Pread(fd, buf, 0); err != nil || string(buf) != "mine" {
		r.fault("open again to write gives a file that says %q", buf)
	}
}
