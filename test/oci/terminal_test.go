package oci

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// onTerminal runs a command on a terminal of its own, types text once something
// is shown, and gives all that was shown and the exit status.
func onTerminal(t *testing.T, cmd *exec.Cmd, after, text string) (string, int) {
	t.Helper()
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 33, Cols: 77})
	must(t, err)
	defer terminal.Close()
	var shown bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for typed := false; ; {
			n, err := terminal.Read(buffer)
			if err != nil {
				return
			}
			shown.Write(buffer[:n])
			if !typed && strings.Contains(shown.String(), after) {
				typed = true
				_, _ = terminal.WriteString(text)
			}
		}
	}()
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	timer.Stop()
	<-done
	return shown.String(), cmd.ProcessState.ExitCode()
}

func withTerminal(s *specs.Spec) {
	s.Process.Terminal = true
	s.Process.ConsoleSize = &specs.Box{Height: 20, Width: 50}
}

// A link of the image's in place of /dev/console leads the terminal nowhere.
func TestConsoleLink(t *testing.T) {
	e := newEngine(t, "builtin")
	dir := newBundle(t, t.TempDir(), all(script("test -f /etc/passwd && echo file; tty"), withTerminal, func(s *specs.Spec) {
		s.Mounts = slices.DeleteFunc(s.Mounts, func(m specs.Mount) bool { return m.Destination == "/dev" })
	}))
	must(t, os.Mkdir(dir+"/rootfs/dev", 0o755))
	must(t, os.Symlink("/etc/passwd", dir+"/rootfs/dev/console"))
	shown, code := onTerminal(t, e.cmd("run", "--bundle", dir, "c"), "\x00", "")
	if code != 0 || !strings.Contains(shown, "file\r\n/dev/pts/0\r\n") || !strings.Contains(shown, "device /dev/console (") {
		t.Errorf("status %d, %q", code, shown)
	}
}

// The caller's terminal is the container's: its size, its keys, job control.
func TestRunOnATerminal(t *testing.T) {
	for _, e := range engines(t) {
		dir := newBundle(t, t.TempDir(), all(script("tty; sleep 0.3; stty size; read word; echo got $word; exec >/dev/tty; echo tty; test -c /dev/console && echo console; exit 3"), withTerminal))
		shown, code := onTerminal(t, e.cmd("run", "--bundle", dir, "c"), "/dev/pts", "hello\r")
		want := "got hello\r\ntty\r\nconsole\r\n"
		if code != 3 || !strings.Contains(shown, "/dev/pts/0\r\n") || !strings.Contains(shown, "33 77\r\n") || !strings.Contains(shown, want) {
			t.Errorf("%s: status %d, %q", e.name, code, shown)
		}
		// Ctrl-C is for the program.
		dir = newBundle(t, t.TempDir(), all(script("trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.1; done"), withTerminal))
		shown, code = onTerminal(t, e.cmd("run", "--bundle", dir, "c"), "ready", "\x03")
		if code != 4 || !strings.Contains(shown, "caught") {
			t.Errorf("%s: Ctrl-C: status %d, %q", e.name, code, shown)
		}
		e.empty(t)
	}
}

func TestExecOnATerminal(t *testing.T) {
	for _, e := range engines(t) {
		bring(t, e, newBundle(t, t.TempDir(), args("sleep", "1000")), "running")
		shown, code := onTerminal(t, e.cmd("exec", "--tty", "c", "sh", "-c", "tty; read word; echo got $word; exit 5"), "/dev/pts", "hello\r")
		if code != 5 || !strings.Contains(shown, "/dev/pts/") || !strings.Contains(shown, "got hello") {
			t.Errorf("%s: status %d, %q", e.name, code, shown)
		}
		e.ok(t, "delete", "--force", "c")
	}
}

// The terminal's master is sent to the console socket, as containerd expects it.
func TestConsoleSocket(t *testing.T) {
	for _, e := range engines(t) {
		folder, err := os.MkdirTemp("/tmp", "console") // a socket's name is short
		must(t, err)
		defer os.RemoveAll(folder)
		name := filepath.Join(folder, "socket")
		listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
		must(t, err)
		defer listener.Close()
		dir := newBundle(t, t.TempDir(), all(script("stty size; tty; sleep 1000"), withTerminal))
		e.ok(t, "create", "--bundle", dir, "--console-socket", name, "c")
		must(t, listener.SetDeadline(time.Now().Add(20*time.Second)))
		conn, err := listener.AcceptUnix()
		must(t, err)
		text, rights := make([]byte, 4096), make([]byte, unix.CmsgSpace(4))
		_, oobn, _, _, err := conn.ReadMsgUnix(text, rights)
		must(t, err)
		messages, err := unix.ParseSocketControlMessage(rights[:oobn])
		must(t, err)
		fds, err := unix.ParseUnixRights(&messages[0])
		must(t, err)
		must(t, unix.SetNonblock(fds[0], true))
		master := os.NewFile(uintptr(fds[0]), "master")
		defer master.Close()
		e.ok(t, "start", "c")
		must(t, master.SetReadDeadline(time.Now().Add(20*time.Second)))
		shown := ""
		for !strings.Contains(shown, "/dev/pts/0") {
			n, err := master.Read(text)
			if err != nil {
				t.Errorf("%s: %q, %v", e.name, shown, err)
				break
			}
			shown += string(text[:n])
		}
		if !strings.Contains(shown, "20 50") {
			t.Errorf("%s: %q", e.name, shown)
		}
		e.ok(t, "delete", "--force", "c")
	}
}
