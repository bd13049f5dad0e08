package shim

import (
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

// The filter's condition and IsHigh say the same, whatever stands above a descriptor in
// its register.
func TestHighIsWhatTheFilterCompares(t *testing.T) {
	c := highIn(0)
	for _, above := range []uint64{0, 1 << 32, 0xffffffff << 32} {
		for fd := range 3000 {
			if traps := (above|uint64(fd))&c.Mask == c.Value; traps != IsHigh(fd) {
				t.Fatalf("descriptor %d, %#x above it: trapped %t", fd, above, traps)
			}
		}
	}
	if c.Mask&(1<<32-1) == c.Value {
		t.Error("descriptor -1 is trapped")
	}
}

// A number is given to one at a time, is free, and is none that a program has chosen.
func TestChooseHigh(t *testing.T) {
	s := &Shim{}
	pid := os.Getpid() // Go's programs have several threads
	if err := unix.Dup3(1, High+1, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(High + 1)
	s.highs.spoil(High+3, false)
	seen := map[int]bool{}
	for {
		fd, ok := s.ChooseHigh(pid)
		if !ok {
			break
		}
		if seen[fd] || !IsHigh(fd) || fd == High+1 || fd == High+3 {
			t.Errorf("%d was chosen", fd)
		}
		seen[fd] = true
	}
	if len(seen) != HighCount-2 {
		t.Errorf("%d numbers were chosen", len(seen))
	}
	s.HighGiven(High + 5)
	if fd, _ := s.ChooseHigh(pid); fd != High+5 {
		t.Errorf("%d was chosen, and %d is free again", fd, High+5)
	}
	s.HighGiven(High + 5)
	s.highs.spoil(High+4, true) // F_DUPFD: that one or any above it
	if fd, ok := s.ChooseHigh(pid); ok {
		t.Errorf("%d was chosen", fd)
	}

	alone := exec.Command("sleep", "60")
	if err := alone.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = alone.Process.Kill(); _ = alone.Wait() }()
	if fd, ok := (&Shim{}).ChooseHigh(alone.Process.Pid); ok {
		t.Errorf("a process of one thread was given %d", fd)
	}
}

// What is trapped for other reasons is trapped for these numbers as well.
func TestHighConditions(t *testing.T) {
	seek := Spec{Name: "lseek", needs: needStreams | needWrites, only: seekKinds}
	for _, c := range []struct {
		needs need
		want  int
	}{{needStreams, len(seekKinds)}, {needWrites, 1}, {needStreams | needWrites, len(seekKinds) + 1}} {
		if got := seek.conditions(c.needs); len(got) != c.want {
			t.Errorf("lseek, needed for %b: %v", c.needs, got)
		}
	}
	if got := (Spec{Name: "openat", needs: needFiles}).conditions(needFiles | needWrites); got != nil {
		t.Errorf("openat: %v", got)
	}
}
