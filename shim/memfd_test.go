package shim

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// contents is what a memfd holds.
func contents(t *testing.T, fd int) string {
	t.Helper()
	buf := make([]byte, 64)
	n, err := unix.Pread(fd, buf, 0)
	if err != nil {
		t.Fatalf("pread %d: %v", fd, err)
	}
	return string(buf[:n])
}

// TestSealed: what is read can be changed by no tracee, whoever opens it anew and
// however; what a writer writes is nobody else's text.
func TestSealed(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/proc/sys/shim/test/number"
	n := s.tree.Lookup(name)
	v := &view{name: name, shim: s}
	first, once, err := s.sharedFile(n, name, v)
	if err != nil || once {
		t.Fatal(once, err)
	}
	if s.nowhere.err == nil {
		if fd, err := unix.Open("/proc/self/fd/"+itoa(first), unix.O_RDWR, 0); err != unix.EROFS {
			t.Errorf("open for writing: %d, %v", fd, err)
		}
		if err := unix.Fchmod(first, 0o666); err != unix.EROFS {
			t.Errorf("fchmod: %v", err)
		}
	}
	const constant = "/proc/shim-file"
	fixed, _, err := s.sharedFile(s.tree.Lookup(constant), constant, &view{name: constant, shim: s})
	if err != nil {
		t.Fatal(err)
	}
	anew, err := unix.Open("/proc/self/fd/"+itoa(fixed), unix.O_RDWR, 0)
	if err == nil { // root may
		defer unix.Close(anew)
		if _, err := unix.Pwrite(anew, []byte("7"), 0); err != unix.EPERM {
			t.Errorf("pwrite: %v", err)
		}
		if err := unix.Ftruncate(anew, 0); err != unix.EPERM {
			t.Errorf("ftruncate: %v", err)
		}
	}
	if got := contents(t, first); got != "3\n" {
		t.Fatalf("it holds %q", got)
	}
	own, err := s.newFile([]byte("3\n"), written, &handedOut{node: n, name: name})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(own)
	if _, err := unix.Pwrite(own, []byte("junk"), 0); err != nil {
		t.Error(err)
	}
	if again, _, err := s.sharedFile(n, name, v); err != nil || again != first {
		t.Errorf("descriptor %d, then %d, %v", first, again, err)
	}
	if _, err := n.Content.Write(v, []byte("7"), 0); err != nil {
		t.Fatal(err)
	}
	if err := s.refresh(n, name, v); err != nil || contents(t, first) != "7\n" {
		t.Errorf("descriptor %d holds %q, %v", first, contents(t, first), err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(first, &st); err != nil {
		t.Fatal(err)
	}
	if h, ok := s.handed.get(identityOf(&st)); !ok || h.node != n {
		t.Error("it is not known as what it is")
	}
}

// TestStray: what a writer wrote whom nobody could follow is taken at the next open if
// it is valid, and by then only.
func TestStray(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/proc/sys/shim/test/number"
	n := s.tree.Lookup(name)
	v := &view{name: name, shim: s}
	for _, write := range []struct{ text, want string }{{"junk\n", "3\n"}, {"7\n", "7\n"}} {
		own, err := s.newFile([]byte("3\n"), written, &handedOut{node: n, name: name})
		if err != nil {
			t.Fatal(err)
		}
		s.Unfollowed(own)
		if err := fill(own, []byte(write.text)); err != nil {
			t.Fatal(err)
		}
		unix.Close(own)
		fd, _, err := s.sharedFile(n, name, v)
		if err != nil || contents(t, fd) != write.want {
			t.Errorf("after %q it holds %q, %v", write.text, contents(t, fd), err)
		}
	}
}

// TestCrowded: where no descriptors may be kept, a file is made for each open.
func TestCrowded(t *testing.T) {
	s := newShim(t, t.TempDir())
	s.shared.most, s.shared.kept = 1, 1
	const name = "/proc/sys/shim/test/number"
	n := s.tree.Lookup(name)
	for range 2 {
		fd, once, err := s.sharedFile(n, name, &view{name: name, shim: s})
		if err != nil || !once || contents(t, fd) != "3\n" {
			t.Fatal(fd, once, err)
		}
		unix.Close(fd)
	}
	// One that was not used for a while makes room.
	s.shared.evicted = time.Time{}
	k := s.shared.of("/old")
	k.fd, k.used = 1<<20, time.Now().Add(-2*retirement)
	if _, once, err := s.sharedFile(n, name, &view{name: name, shim: s}); err != nil || once {
		t.Error(once, err)
	}
}

// TestBadDirectory does the same to the stand-in of a directory.
func TestBadDirectory(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/proc/sys/shim/test"
	n := s.tree.Lookup(name)
	first, err := s.directory(n, name)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := s.directory(n, name); err != nil || again != first {
		t.Fatalf("descriptor %d, then %d, %v", first, again, err)
	}
	other, err := makeMemfd("other", nil, written, true)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(other)
	if err := unix.Dup3(other, first, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(first)
	again, err := s.directory(n, name)
	if err != nil || again == first {
		t.Fatalf("descriptor %d, then %d, %v", first, again, err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(again, &st); err != nil {
		t.Fatal(err)
	}
	if h, ok := s.handed.get(identityOf(&st)); !ok || h.node != n || st.Mode&unix.S_IFMT != unix.S_IFDIR {
		t.Error("it is not known as what it is")
	}
}

// TestRetired: what a removed directory had is not closed at once, for it may be on
// its way to a tracee.
func TestRetired(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/proc/sys/shim/test"
	fd, err := s.directory(s.tree.Lookup(name), name)
	if err != nil {
		t.Fatal(err)
	}
	s.forget(name)
	if err := unix.Fstat(fd, &unix.Stat_t{}); err != nil {
		t.Errorf("closed at once: %v", err)
	}
	s.shared.retired[0].since = time.Now().Add(-2 * retirement)
	s.forget("/proc/sys/none")
	if err := unix.Fstat(fd, &unix.Stat_t{}); err != unix.EBADF {
		t.Errorf("not closed later: %v", err)
	}
}

func TestRaise(t *testing.T) {
	fd, err := makeMemfd(strings.Repeat("long", 80), []byte("x"), sealed, true)
	if err != nil || fd < highest {
		t.Fatalf("%d, %v", fd, err)
	}
	unix.Close(fd)
	if state := stateOf(fd); !strings.Contains(state, "bad file descriptor") {
		t.Errorf("the state of nothing is %q", state)
	}
	if fd, err = makeMemfd("low", nil, sealed, false); err != nil || fd >= highest {
		t.Errorf("%d, %v", fd, err)
	}
	unix.Close(fd)
}
