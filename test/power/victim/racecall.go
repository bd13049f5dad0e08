package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/test/power/acts"
)

func (r *race) fault(format string, args ...any) {
	times, _ := r.wrong.LoadOrStore(fmt.Sprintf(format, args...), new(atomic.Int64))
	times.(*atomic.Int64).Add(1)
}

// oneOf complains about what is none of these: what is served under the one name, what
// the kernel has under the other, and what it has under the one. For the name may
// change after the supervisor has left the call to the kernel, which does with it what
// the caller may do.
func (r *race) oneOf(what, came string, these ...string) {
	if !slices.Contains(these, came) {
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
		r.oneOf("a read", came[:1], acts.RaceServed[:1], acts.RaceReal[:1], acts.RaceCovered[:1])
	}
}

func (r *race) stat() {
	var st unix.Stat_t
	if err := statRaw(r.name, &st); err != nil {
		r.fault("stat: %v", err)
		return
	}
	r.oneOf("stat", fmt.Sprintf("%#o", st.Mode), "0100666", "0100640", "0100600")
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
	r.oneOf("readlink", string(buf[:n]), "served", "real", "covered")
}

// write opens for writing, as one who may write only what is served.
func (r *race) write() {
	fd, err := openRaw(r.name, unix.O_RDWR)
	if err == unix.EACCES {
		return
	}
	if err != nil {
		r.fault("open to write: %v", err)
		return
	}
	defer unix.Close(fd)
	buf := make([]byte, 1)
	if _, err := unix.Pread(fd, buf, 0); err != nil {
		r.fault("read: %v", err)
	}
	r.oneOf("open to write", string(buf), acts.RaceServed[:1])
	_, _ = unix.Pwrite(fd, buf, 0)
}

func (r *race) writeNumber() { r.put("100\n", nil) }
func (r *race) writeJunk()   { r.put("junk\n", unix.EINVAL) }

func (r *race) put(text string, want error) {
	fd, err := openRaw(r.name, cmp.Or(r.only, unix.O_RDWR))
	if err == unix.EACCES {
		return // nobody may not write the kernel's own
	}
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
	r.oneOf("a read", string(buf[:n]), "100\n", acts.RacedValue, acts.RacedWithValue, acts.RacedUntold)
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
