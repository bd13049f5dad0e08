package shim

import (
	"fmt"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestWaits takes the test process itself for the tracee.
func TestWaits(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := unix.Mkfifo("fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Symlink("fifo", "link"); err != nil {
		t.Fatal(err)
	}
	held, err := unix.Open("fifo", unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(held)
	folder, err := unix.Open(dir, unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(folder)
	w := newShim(t, dir).Worker()
	for _, c := range []struct {
		name  string
		flags int
		want  bool
	}{
		{"fifo", unix.O_RDONLY, true},
		{"./fifo", unix.O_WRONLY | unix.O_CREAT | unix.O_CLOEXEC, true},
		{"link", unix.O_WRONLY, true},
		{filepath.Join(dir, "fifo"), unix.O_RDONLY, true},
		{dir + "/x/../fifo", unix.O_RDONLY, false},
		{fmt.Sprint("/proc/self/fd/", held), unix.O_WRONLY, true},
		{fmt.Sprint("/proc/thread-self/fd/", held), unix.O_WRONLY, true},
		{fmt.Sprint("/dev/fd/", held), unix.O_RDONLY, true},
		{fmt.Sprint("/proc/self/fd/", folder, "/fifo"), unix.O_RDONLY, true},
		{"fifo", unix.O_RDWR, false},
		{"fifo", unix.O_RDONLY | unix.O_NONBLOCK, false},
		{"fifo", unix.O_PATH, false},
		{"fifo/x", unix.O_RDONLY, false},
		{"missing", unix.O_RDONLY, false},
		{"", unix.O_RDONLY, false},
		{dir, unix.O_RDONLY, false},
		{"/dev/null", unix.O_RDONLY, false},
		{"/proc/self/status", unix.O_RDONLY, false},
		{"/proc/sys/kernel/panic", unix.O_RDONLY, false},
	} {
		call, _ := openCall(c.name)
		call.Args[2] = uint64(c.flags)
		if got := w.Waits(call); got != c.want {
			t.Errorf("%s, flags %#x: %v, want %v", c.name, c.flags, got, c.want)
		}
	}
	call, _ := openCall("fifo")
	call.Args[0] = uint64(folder)
	if !w.Waits(call) {
		t.Error("not seen through a descriptor")
	}
	call.Args[1] = 1
	if w.Waits(call) {
		t.Error("no memory, no name")
	}
	call, m := openCall("fifo")
	call.Nr, call.Args[2] = unix.SYS_OPENAT2, memoryAt+32
	m.data[32] = unix.O_WRONLY
	if !w.Waits(call) {
		t.Error("not seen in an openat2")
	}
	if call.Nr = unix.SYS_GETPID; w.Waits(call) {
		t.Error("getpid opens nothing")
	}
}
