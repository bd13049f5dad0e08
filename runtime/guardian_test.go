package runtime

import (
	"bufio"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// newSupervisor waits for the supervisor that was not there before.
func newSupervisor(t *testing.T, before map[string]bool) int {
	t.Helper()
	found := 0
	eventually(t, "there is a new supervisor", func() bool {
		if list := others(t, before); len(list) > 0 {
			found, _ = strconv.Atoi(list[0])
		}
		return found != 0
	})
	return found
}

// The death of the supervisor is not noticed by the program, in whatever call
// it comes.
func TestSupervisorIsKilled(t *testing.T) {
	needBackend(t, BackendSeccomp)
	before := supervisors(t)
	cmd := launchCommand(t, Plan{
		Path: self(t), Args: []string{"victim", "-victim", "loop"},
		Backend: BackendSeccomp, Profile: []byte(testProfile), Log: LogPlan{Level: "error"},
	})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitCommand(t, cmd, "victim")
	seen := map[string]bool{}
	for pid := range before {
		seen[pid] = true
	}
	for range 20 {
		pid := newSupervisor(t, seen)
		seen[strconv.Itoa(pid)] = true
		// Let it come to serve, or not: every moment is a good one.
		time.Sleep(time.Duration(pid%7) * 10 * time.Millisecond)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	t.Log(out.String())
	eventually(t, "nothing stays", func() bool { return len(others(t, before)) == 0 })
}

// A supervisor that cannot live is given up: the command goes on unserved.
func TestSupervisorKeepsDying(t *testing.T) {
	needBackend(t, BackendSeccomp)
	before := supervisors(t)
	cmd := launchCommand(t, Plan{
		Path: "/bin/sh", Args: []string{"sh", "-c", "cat /proc/shimtest; read x; cat /proc/shimtest; cat /etc/hostname >/dev/null && echo on"},
		Backend: BackendSeccomp, Profile: []byte(testProfile), Log: LogPlan{Level: "error"},
	})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errors strings.Builder
	cmd.Stderr = &errors
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The first open has to be answered before the first supervisor dies.
	out := bufio.NewReader(stdout)
	if line, err := out.ReadString('\n'); line != "hello\n" {
		t.Errorf("it printed %q, %v", line, err)
	}
	seen := map[string]bool{}
	for pid := range before {
		seen[pid] = true
	}
	for range 31 {
		pid := newSupervisor(t, seen)
		seen[strconv.Itoa(pid)] = true
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	}
	stdin.Close()
	rest, err := io.ReadAll(out)
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if string(rest) != "on\n" || !strings.Contains(errors.String(), "goes on without the shim") {
		t.Errorf("it printed %q, and said %s", rest, errors.String())
	}
}
