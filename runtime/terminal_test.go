package runtime

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

// terminal is an interactive bash on a terminal of its own.
type terminal struct {
	t    *testing.T
	file *os.File
	seen chan string
	text string
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	cmd := exec.Command("bash", "--norc", "--noprofile", "-i")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "PS1=prompt> ", "TERM=dumb", "INPUTRC=/dev/null"}
	blocking, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	// A read that blocks would keep the terminal from being closed.
	fd, err := unix.Dup(int(blocking.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	blocking.Close()
	unix.CloseOnExec(fd)
	_ = unix.SetNonblock(fd, true)
	file := os.NewFile(uintptr(fd), "ptmx")
	term := &terminal{t: t, file: file, seen: make(chan string, 100)}
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := file.Read(buf)
			if err != nil {
				close(term.seen)
				return
			}
			term.seen <- string(buf[:n])
		}
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		file.Close()
	})
	term.expect("prompt> ")
	return term
}

// expect waits for text on the screen and forgets everything up to it.
func (term *terminal) expect(text string) {
	term.t.Helper()
	if !term.shows(text) {
		term.t.Fatalf("the terminal does not show %q, but %q", text, term.text)
	}
}

func (term *terminal) shows(text string) bool {
	timeout := time.After(10 * time.Second)
	for {
		if _, after, found := strings.Cut(term.text, text); found {
			term.text = after
			return true
		}
		select {
		case more, ok := <-term.seen:
			if !ok {
				return false
			}
			term.text += more
		case <-timeout:
			return false
		}
	}
}

// needJobControl skips where Ctrl-Z does nothing to a program without shimrun
// either, as in old gVisor.
func needJobControl(t *testing.T) {
	t.Helper()
	term := newTerminal(t)
	term.typed("sh -c 'echo ready; exec sleep 30'\n")
	term.expect("\nready")
	term.typed("\x1a")
	if !term.shows("Stopped") {
		t.Skip("this kernel's terminals have no job control")
	}
}

func (term *terminal) typed(text string) {
	term.t.Helper()
	if _, err := term.file.WriteString(text); err != nil {
		term.t.Fatal(err)
	}
}

// alias defines a shell function named shimmed that runs its arguments under
// the launcher.
func (term *terminal) alias(plan Plan, script string) {
	term.t.Helper()
	plan.Path, plan.Args = "/bin/sh", []string{"sh", "-c", script}
	document, err := json.Marshal(plan)
	if err != nil {
		term.t.Fatal(err)
	}
	file := term.t.TempDir() + "/run"
	text := "#!/bin/sh\nexec " + self(term.t) + " -launch '" + strings.ReplaceAll(string(document), "'", `'\''`) + "'\n"
	if err := os.WriteFile(file, []byte(text), 0o755); err != nil {
		term.t.Fatal(err)
	}
	term.typed("alias shimmed=" + file + "\n")
	term.expect("prompt> ")
}

func TestTerminal(t *testing.T) {
	needJobControl(t)
	plans := []Plan{{Profile: []byte(testProfile), Backend: BackendAuto, StatsFile: "/dev/null"}}
	for _, backend := range backends(t) {
		plans = append(plans, Plan{Profile: []byte(testProfile), Backend: backend})
	}
	for _, plan := range plans {
		t.Run(plan.Backend+plan.StatsFile, func(t *testing.T) { testTerminal(t, plan) })
	}
}

func testTerminal(t *testing.T, plan Plan) {
	t.Run("Ctrl-C", func(t *testing.T) {
		term := newTerminal(t)
		term.alias(plan, "cat /proc/shimtest; exec sleep 100")
		term.typed("shimmed\n")
		term.expect("hello")
		term.typed("\x03")
		term.expect("prompt> ")
		term.typed("echo status=$?\n")
		term.expect("status=130")
	})
	t.Run("Ctrl-Z and fg", func(t *testing.T) {
		term := newTerminal(t)
		term.alias(plan, `echo ready; read line; echo "got $line"; cat /proc/shimtest; exit 7`)
		term.typed("shimmed\n")
		term.expect("ready")
		term.typed("\x1a")
		term.expect("Stopped")
		term.typed("fg\n")
		term.expect("\n")
		term.typed("words\n")
		term.expect("got words")
		term.expect("hello")
		term.expect("prompt> ")
		term.typed("echo status=$?\n")
		term.expect("status=7")
	})
	t.Run("background", func(t *testing.T) {
		term := newTerminal(t)
		term.alias(plan, `cat /proc/shimtest; exec sleep 100`)
		term.typed("shimmed & sleep 0.5; jobs\n")
		term.expect("hello")
		term.expect("Running")
		term.typed("kill %1; wait %1; echo status=$?\n")
		term.expect("status=143")
	})
	t.Run("hang-up", func(t *testing.T) {
		term := newTerminal(t)
		before := supervisors(t)
		term.alias(plan, `echo ready; exec sleep 100`)
		term.typed("shimmed\n")
		term.expect("ready")
		if len(others(t, before)) != 1 {
			t.Error("there is no supervisor")
		}
		term.file.Close()
		eventually(t, "the command and its supervisor are gone", func() bool { return len(others(t, before)) == 0 })
	})
}
