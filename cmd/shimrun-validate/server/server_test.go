package server

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func start(t *testing.T, script string) (*Server, *os.File) {
	t.Helper()
	log, err := os.OpenFile(filepath.Join(t.TempDir(), "log"), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(Options{Args: []string{"sh", "-c", script}, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Stop(0) })
	return s, log
}

func await(t *testing.T, log *os.File, text string) {
	t.Helper()
	for range 1000 {
		if got, _ := os.ReadFile(log.Name()); strings.Contains(string(got), text) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no %q in the log", text)
}

func TestServer(t *testing.T) {
	s, log := start(t, `trap 'echo stopping; exit 3' TERM; echo begun; while :; do sleep 0.1; done`)
	await(t, log, "begun")
	if s.Ended() != nil {
		t.Fatal(s.Ended())
	}
	supervisor, itself := s.Processes()
	if supervisor != nil || itself == nil || itself.Resident == 0 || itself.Descriptors < 3 || itself.Threads != 1 {
		t.Errorf("%+v, %+v", supervisor, itself)
	}
	if err := s.Stop(time.Minute); err != nil {
		t.Error(err)
	}
	if s.ExitCode() != 3 || s.Ended() == nil || s.Lived() <= 0 {
		t.Errorf("status %d, %v, lived %v", s.ExitCode(), s.Ended(), s.Lived())
	}
	if lines, err := LastLines(log, 0, 1); err != nil || len(lines) != 1 || lines[0] != "stopping" {
		t.Errorf("%q, %v", lines, err)
	}
}

func TestServerThatDoesNotStop(t *testing.T) {
	s, log := start(t, `trap '' TERM; echo begun; while :; do sleep 0.1; done`)
	await(t, log, "begun")
	if err := s.Stop(100 * time.Millisecond); !errors.Is(err, ErrKilled) {
		t.Errorf("stopped with %v", err)
	}
	if s.ExitCode() != 128+int(syscall.SIGKILL) {
		t.Errorf("status %d", s.ExitCode())
	}
}

func TestNoServer(t *testing.T) {
	if _, err := Start(Options{Args: []string{"/nowhere/server"}, Log: os.Stderr}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A name may hold what separates fields elsewhere.
func TestStatFields(t *testing.T) {
	if got := statFields([]byte("12 (a) b) c) S 1 2 3")); len(got) != 4 || got[0] != "S" || got[1] != "1" {
		t.Errorf("%q", got)
	}
}

func TestLastLines(t *testing.T) {
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	text := "before\n" + strings.Repeat("x", 100<<10) + "\none\ntwo\nthree\n"
	if _, err := log.WriteString(text); err != nil {
		t.Fatal(err)
	}
	if lines, err := LastLines(log, 7, 2); err != nil || strings.Join(lines, ",") != "two,three" {
		t.Errorf("%q, %v", lines, err)
	}
	if lines, err := LastLines(log, 7, 12); err != nil || strings.Join(lines, ",") != "one,two,three" {
		t.Errorf("a cut line: %d lines, %v", len(lines), err)
	}
	if lines, err := LastLines(log, int64(len(text)), 2); err != nil || len(lines) != 0 {
		t.Errorf("nothing: %q, %v", lines, err)
	}
}
