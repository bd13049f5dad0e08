package shim

import (
	"os"
	"strings"
	"testing"

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
