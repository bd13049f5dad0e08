package shim

import (
	"os"
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

// TestBadDescriptor takes a shared file's descriptor away, as something unknown
// has done in old gVisor: the file is made anew, with the value that it has now.
func TestBadDescriptor(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/proc/sys/shim/test/number"
	n := s.tree.Lookup(name)
	v := &view{name: name}
	first, err := s.sharedFile(n, name, v)
	if err != nil {
		t.Fatal(err)
	}
	if got := contents(t, first); got != "3\n" {
		t.Fatalf("it holds %q", got)
	}
	unix.Close(first)
	// Its number is another's now, who is not to be written to.
	other, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := unix.Dup3(int(other.Fd()), first, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(first)
	if _, err := n.Content.Write(v, []byte("7"), 0); err != nil {
		t.Fatal(err)
	}
	again, err := s.sharedFile(n, name, v)
	if err != nil {
		t.Fatal(err)
	}
	if again == first || contents(t, again) != "7\n" {
		t.Errorf("descriptor %d, then %d, which holds %q", first, again, contents(t, again))
	}
	var st unix.Stat_t
	if err := unix.Fstat(again, &st); err != nil {
		t.Fatal(err)
	}
	if h, ok := s.handed.get(identityOf(&st)); !ok || h.node != n {
		t.Error("it is not known as what it is")
	}
	if state := stateOf(first); !strings.HasSuffix(state, "is "+os.DevNull) {
		t.Errorf("the state of /dev/null is %q", state)
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
	other, err := makeMemfd("other", nil, true)
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
	fd, err := makeMemfd(strings.Repeat("long", 80), []byte("x"), true)
	if err != nil || fd < highest {
		t.Fatalf("%d, %v", fd, err)
	}
	unix.Close(fd)
	if state := stateOf(fd); !strings.Contains(state, "bad file descriptor") {
		t.Errorf("the state of nothing is %q", state)
	}
	if fd, err = makeMemfd("low", nil, false); err != nil || fd >= highest {
		t.Errorf("%d, %v", fd, err)
	}
	unix.Close(fd)
}
