package shim

import (
	"io/fs"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs"
	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// thing is the object of a node.
type thing struct{ name string }

func (*thing) Stat() cgroup.Stat               { return cgroup.Stat{} }
func (*thing) Change(func(*cgroup.Attributes)) {}

// TestSaidAgain: what a file of a group has said twice is kept and handed out again,
// until it says something else, is another's, or is gone. Nobody's text changes, and
// nothing is remembered for good of what is not kept.
func TestSaidAgain(t *testing.T) {
	s := newShim(t, t.TempDir())
	const name = "/sys/fs/cgroup/a/memory.max"
	one, other := &thing{"one"}, &thing{"other"}
	type open struct {
		what   string
		object *thing
		mode   uint32
		text   string
		once   bool
		same   bool // as the one before
	}
	var last identity
	var held []int
	for _, o := range []open{
		{"the first", one, 0o644, "max\n", true, false},
		{"the second", one, 0o644, "max\n", false, false},
		{"the third", one, 0o644, "max\n", false, true},
		{"another text", one, 0o644, "4096\n", true, false},
		{"that again", one, 0o644, "4096\n", false, false},
		{"after chmod", one, 0o600, "4096\n", true, false},
		{"again after chmod", one, 0o600, "4096\n", false, false},
		{"of another group of that name", other, 0o600, "4096\n", true, false},
		{"of that again", other, 0o600, "4096\n", false, false},
	} {
		n := &fakefs.Node{Name: name, Object: o.object, Mode: fs.FileMode(o.mode)}
		fd, once, err := s.saidFile(n, name, []byte(o.text))
		if err != nil || once != o.once {
			t.Fatalf("%s: descriptor %d, once %v, %v", o.what, fd, once, err)
		}
		if got := contents(t, fd); got != o.text {
			t.Errorf("%s: it holds %q", o.what, got)
		}
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil {
			t.Fatal(err)
		}
		if id := identityOf(&st); (id == last) != o.same {
			t.Errorf("%s: %v after %v", o.what, id, last)
		}
		last = identityOf(&st)
		h, ok := s.handed.get(last)
		if !ok || h.shared == once || h.node.Object != o.object {
			t.Errorf("%s: it is known as %+v", o.what, h)
		}
		if once {
			unix.Close(fd)
		} else if !o.same {
			held = append(held, fd)
		}
	}
	s.forget("/sys/fs/cgroup/a")
	// What was parted with is closed later, and known for as long as anybody has it open.
	s.shared.closeRetired(time.Now())
	for _, fd := range held {
		if err := unix.Fstat(fd, &unix.Stat_t{}); err != unix.EBADF {
			t.Errorf("descriptor %d is open still: %v", fd, err)
		}
	}
	if s.shared.kept != 0 || len(s.shared.all) != 0 {
		t.Errorf("%d descriptors and %d names are kept", s.shared.kept, len(s.shared.all))
	}
	for id, h := range s.handed.objects {
		if h.shared {
			t.Errorf("%v is remembered for good: %s", id, h.name)
		}
	}
	if s.handed.private != len(s.handed.objects) {
		t.Errorf("%d of %d objects are looked after", s.handed.private, len(s.handed.objects))
	}
}

// TestEvicted: where there is no room left, what was not used for a while goes, and is
// not remembered for good.
func TestEvicted(t *testing.T) {
	s := newShim(t, t.TempDir())
	s.shared.most = 1
	say := func(name string) (once bool) {
		t.Helper()
		n := &fakefs.Node{Name: name, Object: &thing{}}
		for range 2 {
			fd, o, err := s.saidFile(n, name, []byte("1\n"))
			if err != nil {
				t.Fatal(err)
			}
			if once = o; once {
				unix.Close(fd)
			}
		}
		return once
	}
	if say("/a") || !say("/b") {
		t.Fatal("one has room")
	}
	s.shared.all["/a"].used = time.Now().Add(-2 * retirement)
	s.shared.evicted = time.Time{}
	if say("/c") {
		t.Error("there is no room where one was not used for a while")
	}
	for id, h := range s.handed.objects {
		if h.shared && h.name != "/c" {
			t.Errorf("%v is remembered for good: %s", id, h.name)
		}
	}
}
