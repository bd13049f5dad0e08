package conformance

import (
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// TestTerminal types at an interactive shell under shimrun: ^Z and ^C reach
// what is in the foreground, fg and bg work, and the shell's status comes back.
func TestTerminal(t *testing.T) {
	for _, g := range grounds() {
		if g.caps != "" {
			// Old gVisor's terminals make no signals.
			continue
		}
		t.Run(g.name, func(t *testing.T) {
			g.enter(t)
			typed(t, g)
		})
	}
}

// A screen is what a terminal has shown so far.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func typed(t *testing.T, g *ground) {
	cmd := g.shim(t.Context(), "/bin/bash", "--norc", "-i")
	cmd.Env = append(cmd.Env, "PS1=ready> ", "TERM=dumb")
	cmd.SysProcAttr.Setpgid = false
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var shown screen
	go func() { _, _ = io.Copy(&shown, terminal) }()

	seen := 0
	expect := func(text string) {
		t.Helper()
		wait(t, 10*time.Second, func() bool { return strings.Contains(shown.String()[seen:], text) })
		at := strings.Index(shown.String()[seen:], text)
		if at < 0 {
			t.Fatalf("no %q after:\n%s", text, shown.String())
		}
		seen += at + len(text)
	}
	enter := func(keys string) {
		t.Helper()
		if _, err := terminal.WriteString(keys); err != nil {
			t.Fatal(err)
		}
	}
	const loop = "while :; do read x < /proc/sys/shim/test/const || break; done"
	expect("ready> ")
	enter("cat /proc/sys/shim/test/const\n")
	expect("65536")
	expect("ready> ")
	enter("bash -c 'echo begun; " + loop + "'\n")
	expect("\nbegun")
	enter("\x1a")
	expect("Stopped")
	enter("jobs; bg; sleep 0.2; jobs\n")
	expect("Stopped")
	expect("Running")
	enter("fg\n")
	expect("bash -c")
	time.Sleep(200 * time.Millisecond)
	enter("\x03")
	expect("ready> ")
	enter("echo status=$?; stty -a | head -n 1; exit 7\n")
	expect("status=130")
	expect("rows")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 7 {
		t.Errorf("%v, want status 7:\n%s", err, shown.String())
	}
}
