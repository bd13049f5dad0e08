package runtime

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/shimrun/shimrun/fakefs"
)

// stuckStart is a run whose supervisor waits for its profile, which never comes.
func stuckStart(t *testing.T) *exec.Cmd {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	pipe := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), r.Fd())
	return launchCommand(t, Plan{
		Path: "/bin/true", Args: []string{"true"}, Backend: BackendAuto,
		Source: &fakefs.LoadOptions{Files: []string{"/proc/shimtest=@" + pipe}},
	})
}

// Whichever half dies while they start, the other ends too.
func TestKilledWhileStarting(t *testing.T) {
	t.Run("supervisor", func(t *testing.T) {
		before := supervisors(t)
		cmd := stuckStart(t)
		var said bytes.Buffer
		cmd.Stderr = &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(newSupervisor(t, before), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if cmd.ProcessState.ExitCode() != StatusFailed || !strings.Contains(said.String(), "was it killed?") {
			t.Errorf("%v, %q", cmd.ProcessState, said.String())
		}
	})
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGKILL} {
		t.Run("launcher by "+sig.String(), func(t *testing.T) {
			before := supervisors(t)
			cmd := stuckStart(t)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			newSupervisor(t, before)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if got := cmd.ProcessState.Sys().(syscall.WaitStatus); !got.Signaled() || got.Signal() != sig {
				t.Errorf("wait status %#x", got)
			}
			eventually(t, "nothing stays", func() bool { return len(others(t, before)) == 0 })
		})
	}
}

// A command that is longer than a packet arrives whole.
func TestLongCommand(t *testing.T) {
	for _, backend := range backends(t) {
		args := []string{"sh", "-c", `echo $# ${#1} ${#2}`, "sh"}
		for range 10 {
			args = append(args, strings.Repeat("x", 10_000))
		}
		if status, out := wait(t, command(t, backend, args...)); status != 0 || out != "10 10000 10000\n" {
			t.Errorf("%s: wait status %#x, %.200q", backend, status, out)
		}
	}
}

// What of the first three descriptors is closed stays closed, and everything
// works all the same.
func TestClosedDescriptors(t *testing.T) {
	const script = "for n in 0 1 2; do [ ! -e /proc/$$/fd/$n ] || echo $n; done"
	for _, backend := range backends(t) {
		for _, closed := range []string{"<&-", "2>&-", "<&- 2>&-"} {
			run := command(t, backend, "sh", "-c", "cat /proc/shimtest; "+script)
			words := make([]string, len(run.Args))
			for i, word := range run.Args {
				words[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
			}
			want, err := exec.Command("sh", "-c", "sh -c 'echo hello; "+script+"' "+closed).Output()
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command("sh", "-c", strings.Join(words, " ")+" "+closed).Output()
			if err != nil || !bytes.Equal(out, want) {
				t.Errorf("%s %s: %q, %v; want %q", backend, closed, out, err, want)
			}
		}
	}
}

// A supervisor holds nothing that its caller had open, by whatever number.
func TestNothingIsHeld(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	before := supervisors(t)
	cmd := command(t, BackendAuto, "sh", "-c", "exec 5>&-; read x")
	cmd.ExtraFiles = []*os.File{nil, nil, w}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	// The end of the file comes although the supervisor lives.
	if n, err := r.Read(make([]byte, 1)); n != 0 {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if len(others(t, before)) != 1 {
		t.Error("there is no supervisor")
	}
	stdin.Close()
	_ = cmd.Wait()
}
