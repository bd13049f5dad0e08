package shells

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

// lack skips a test that cannot be made here, and fails it in CI.
func lack(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// binary is what the Makefile built; $SHIMRUN names another.
func binary(t testing.TB) string {
	t.Helper()
	name := os.Getenv("SHIMRUN")
	if name == "" {
		name = "../../bin/shimrun"
	}
	name, err := filepath.Abs(name)
	if err == nil {
		_, err = os.Stat(name)
	}
	if err != nil {
		lack(t, "%v; run make build first", err)
	}
	return name
}

// A shell is one in which TAB can be pressed.
type shell struct {
	name string
	args []string
	// needs is a file that has to be there.
	needs string
	// setup makes the shell ready: shimrun's completion, that of the command
	// mytool, and Ctrl-G, which writes the line as it stands into the file line.
	setup string
}

const bashSetup = `
. <(shimrun completion bash)
_mytool() { COMPREPLY=($(compgen -W "status" -- "$2")); printf '%s|' "${COMP_WORDS[@]}" "$COMP_CWORD" "$COMP_LINE" "$COMP_POINT" >told; }
complete -F _mytool mytool
bind 'set completion-query-items 0' 2>/dev/null
bind -x '"\C-g": printf %s "$READLINE_LINE" >line.new; mv line.new line' 2>/dev/null
`

var allShells = []shell{
	{name: "bash", args: []string{"bash", "--norc", "--noprofile", "-i"}, setup: bashSetup},
	{
		name: "bash with bash-completion", args: []string{"bash", "--norc", "--noprofile", "-i"},
		needs: "/usr/share/bash-completion/bash_completion", setup: ". /usr/share/bash-completion/bash_completion\n" + bashSetup,
	},
	{name: "zsh", args: []string{"zsh", "-f", "-i"}, setup: `
unsetopt prompt_sp
autoload -Uz compinit && compinit -u -D
. <(shimrun completion zsh)
_mytool() { compadd status }
compdef _mytool mytool
write-line() { printf %s "$BUFFER" >line.new; command mv line.new line }
zle -N write-line
bindkey '^G' write-line
`},
	{name: "fish", args: []string{"fish", "--no-config", "-i"}, setup: `
shimrun completion fish | source
complete -c mytool -f -a status
bind \cg 'commandline >line.new; command mv line.new line'
`},
}

// A session is a shell at a terminal, in a folder of its own.
type session struct {
	t      *testing.T
	keys   io.Writer
	folder string
}

// start starts the shell, with a program beside it that must not run.
func (s shell) start(t *testing.T) *session {
	t.Helper()
	if _, err := exec.LookPath(s.args[0]); err != nil {
		lack(t, "%v; run test/shells/install", err)
	}
	if _, err := os.Stat(s.needs); s.needs != "" && err != nil {
		lack(t, "%v; run test/shells/install", err)
	}
	folder := newFolder(t)
	must(t, os.WriteFile(filepath.Join(folder, "setup"), []byte(s.setup), 0o644))
	cmd := exec.Command(s.args[0], s.args[1:]...)
	cmd.Dir = folder
	cmd.Env = []string{
		"PATH=" + filepath.Join(folder, "bin") + ":/usr/local/bin:/usr/bin:/bin", "HOME=" + folder, "XDG_CONFIG_HOME=" + folder,
		"TERM=dumb", "INPUTRC=/dev/null", "LC_ALL=C.UTF-8", "PS1=> ",
	}
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 50, Cols: 300})
	must(t, err)
	screen := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(terminal) // ends with EIO
		screen <- string(text)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the screen: %q", <-screen)
		}
		terminal.Close()
	})
	session := &session{t, terminal, folder}
	session.press(". ./setup; touch ready\r")
	session.await("ready")
	return session
}

// press sends keys.
func (s *session) press(keys string) {
	s.t.Helper()
	_, err := io.WriteString(s.keys, keys)
	must(s.t, err)
}

// await waits for a file of the folder, and takes it away.
func (s *session) await(name string) string {
	s.t.Helper()
	name = filepath.Join(s.folder, name)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if text, err := os.ReadFile(name); err == nil {
			must(s.t, os.Remove(name))
			return strings.TrimSuffix(string(text), "\n")
		}
	}
	s.t.Fatalf("the shell makes no file %s", filepath.Base(name))
	return ""
}

// complete types words, presses TAB, and gives the line as it stands then.
func (s *session) complete(words string) string {
	s.t.Helper()
	s.press(words + "\t\a")
	line := s.await("line")
	s.press("\x15") // the line is cleared
	return line
}
