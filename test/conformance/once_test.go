package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Rows that need a shimrun of their own: what its caller sees of it.

func TestTransparency(t *testing.T) {
	for _, g := range grounds() {
		t.Run(g.name, func(t *testing.T) {
			g.enter(t)
			t.Run("exit-status", func(t *testing.T) { exitStatus(t, g) })
			t.Run("inherited-state", func(t *testing.T) { inheritedState(t, g) })
			t.Run("standard-streams", func(t *testing.T) { standardStreams(t, g) })
			t.Run("caller-signals", func(t *testing.T) { callerSignals(t, g) })
			t.Run("daemon", func(t *testing.T) { daemon(t, g) })
			t.Run("nothing-started", func(t *testing.T) { nothingStarted(t, g) })
			t.Run("nested", func(t *testing.T) { nested(t, g) })
		})
	}
}

// outcome runs a command to its end; signals count as 128+n, as shells say it.
func outcome(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, status int) {
	t.Helper()
	var out, errOut strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	state := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if state.Signaled() {
		return out.String(), errOut.String(), 128 + int(state.Signal())
	}
	return out.String(), errOut.String(), state.ExitStatus()
}

func exitStatus(t *testing.T, g *ground) {
	end := filepath.Join(binaries, "end")
	for _, c := range []struct {
		how, number string
		status      int
	}{
		{"exit", "0", 0}, {"exit", "1", 1}, {"exit", "255", 255}, {"exit", "125", 125},
		{"kill", "9", 137}, {"kill", "15", 143}, {"kill", "6", 134}, {"kill", "11", 139},
	} {
		_, stderr, status := outcome(t, g.shim(t.Context(), end, c.how, c.number))
		if status != c.status {
			t.Errorf("%s %s: status %d, want %d; %s", c.how, c.number, status, c.status, stderr)
		}
	}
}

// setting gives a command an unusual surrounding.
func setting(args []string) []string {
	return append([]string{"/bin/bash", "-c", `
		umask 027; ulimit -n 333; ulimit -c 0; ulimit -s 4096
		trap '' USR1 PIPE; cd /usr/lib
		export ODD=$'a\nb' EMPTY=
		exec 5</etc/passwd 9>/dev/null 3<&-
		exec nice -n 3 "$@"`, "bash"}, args...)
}

func inheritedState(t *testing.T, g *ground) {
	state := []string{filepath.Join(binaries, "state"), "one", "", "two words", "--", "-x"}
	bare, _, _ := outcome(t, g.bare(t.Context(), setting(state)...))
	served, stderr, _ := outcome(t, g.bare(t.Context(), setting(g.shimArgs(state...))...))
	if !strings.Contains(bare, "fd 9:") || !strings.Contains(bare, "umask: 27") {
		t.Fatalf("without shimrun: %s", bare)
	}
	if diff := difference(strings.Split(bare, "\n"), strings.Split(served, "\n")); diff != "" {
		t.Errorf("(-bare +shimrun) %s\n%s", stderr, diff)
	}
}

func standardStreams(t *testing.T, g *ground) {
	input := bytes.Repeat([]byte("0123456789abcde\n"), 1<<16)
	cmd := g.shim(t.Context(), "/bin/sh", "-c", "cat; echo complaint >&2")
	cmd.Stdin = bytes.NewReader(input)
	stdout, stderr, status := outcome(t, cmd)
	if stdout != string(input) {
		t.Errorf("%d bytes came of %d", len(stdout), len(input))
	}
	if stderr != "complaint\n" || status != 0 {
		t.Errorf("standard error %q, status %d", stderr, status)
	}
}

// callerSignals: a signal to the process that the caller started reaches the
// command, and the command's own handling of it is what the caller sees.
func callerSignals(t *testing.T, g *ground) {
	if g.sandbox != nil {
		t.Skip("the caller's process is runsc exec")
	}
	for _, c := range []struct {
		script string
		signal syscall.Signal
		status int
	}{
		{"trap 'exit 42' TERM; echo up; while :; do read x < /proc/sys/shim/test/const; done", syscall.SIGTERM, 42},
		{"trap 'exit 43' INT; echo up; while :; do sleep 0.01; done", syscall.SIGINT, 43},
		{"echo up; while :; do read x < /proc/sys/shim/test/const; done", syscall.SIGTERM, 143},
		{"echo up; exec sleep 100", syscall.SIGKILL, 137},
		{"echo up; exec sleep 100", syscall.SIGHUP, 129},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		cmd := g.shim(ctx, "/bin/bash", "-c", c.script)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		up := make([]byte, 3)
		if _, err := out.Read(up); err != nil {
			t.Errorf("%s: %v", c.script, err)
		}
		if err := cmd.Process.Signal(c.signal); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // the state says it
		state := cmd.ProcessState.Sys().(syscall.WaitStatus)
		status := state.ExitStatus()
		if state.Signaled() {
			status = 128 + int(state.Signal())
		}
		if status != c.status {
			t.Errorf("%q after %v: status %d, want %d", c.script, c.signal, status, c.status)
		}
		cancel()
	}
}

// daemon: a command that leaves a process behind returns at once, the process
// goes on being served, and nothing of shimrun stays when it is gone.
func daemon(t *testing.T, g *ground) {
	file := filepath.Join("/tmp", fmt.Sprintf("conformance-daemon-%d-%s", os.Getpid(), strings.ReplaceAll(g.name, "/", "-")))
	begun := time.Now()
	_, stderr, status := outcome(t, g.shim(t.Context(), filepath.Join(binaries, "daemon"), "/proc/sys/shim/test/const", file))
	if status != 3 {
		t.Fatalf("status %d, want 3: %s", status, stderr)
	}
	early, _, _ := outcome(t, g.bare(t.Context(), "/bin/cat", file))
	if strings.Contains(early, "end") {
		t.Errorf("returned after %v, when the daemon had ended", time.Since(begun))
	}
	want := strings.Repeat("65536\n", 10) + "end\n"
	var got string
	wait(t, 30*time.Second, func() bool {
		got, _, _ = outcome(t, g.bare(t.Context(), "/bin/cat", file))
		return strings.HasSuffix(got, "end\n")
	})
	if got != want {
		t.Errorf("the daemon saw %q, want %q", got, want)
	}
	var left string
	wait(t, 10*time.Second, func() bool {
		left = shimruns(t, g)
		return left == ""
	})
	if left != "" {
		t.Errorf("still there: %s", left)
	}
}

func wait(t *testing.T, most time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(most); time.Now().Before(end) && !done(); {
		time.Sleep(100 * time.Millisecond)
	}
}

// shimruns are the processes of this test's shimrun that are on the ground.
func shimruns(t *testing.T, g *ground) string {
	t.Helper()
	root := *g
	root.user = 0
	script := fmt.Sprintf(`for p in /proc/[0-9]*; do case $(readlink $p/exe) in %s/shimrun*) echo $p $(tr '\0' ' ' < $p/cmdline);; esac; done`, binaries)
	out, _, _ := outcome(t, root.bare(t.Context(), "/bin/bash", "-c", script))
	return out
}

func nothingStarted(t *testing.T, g *ground) {
	profile := filepath.Join(binaries, "conformance.yaml")
	for _, c := range []struct {
		args   []string
		status int
	}{
		{[]string{"/nonexistent/program"}, 127},
		{[]string{"no-such-program-in-path"}, 127},
		{[]string{profile}, 126},
		{[]string{"/tmp"}, 126},
	} {
		_, stderr, status := outcome(t, g.shim(t.Context(), c.args...))
		if status != c.status || strings.Count(strings.TrimSpace(stderr), "\n") != 0 || stderr == "" {
			t.Errorf("%v: status %d, want %d, and one line of %q", c.args, status, c.status, stderr)
		}
	}
	_, stderr, status := outcome(t, g.bare(t.Context(), filepath.Join(binaries, "shimrun"), "--backend", g.backend, "--profile", "/nonexistent.yaml", "--", "/bin/true"))
	if status != 125 || stderr == "" {
		t.Errorf("no profile: status %d, want 125; %q", status, stderr)
	}
}

// nested: one shimrun inside another cannot work: only one filter of a process
// can have a listener, a notification goes before a trace (seccomp(2)), and a
// process has one tracer. The inner one must say so and start nothing.
func nested(t *testing.T, g *ground) {
	inner := g.shimArgs("/bin/cat", "/proc/sys/shim/test/const")
	if g.backend == "seccomp" {
		inner[2] = "auto"
	}
	stdout, stderr, status := outcome(t, g.shim(t.Context(), inner...))
	if status != 125 || stdout != "" || !strings.Contains(stderr, "shimrun") {
		t.Errorf("status %d, want 125 with the reason: %q %q", status, stdout, stderr)
	}
}
