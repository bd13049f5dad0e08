package runtime

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// tell says all that a process can see of what it was given. It is a shell,
// because the Go runtime would change half of it.
const tell = `
me=/proc/$$
echo "pid: $$"
echo "argv: $0 $*"
echo "ppid: $PPID"
pwd
umask
ulimit -Sa
ulimit -Ha
grep -E '^(Umask|Uid|Gid|Groups|SigI|Cap|NoNewPrivs|Cpus_allowed|Name)' $me/status
tr '\0' '\n' <$me/environ
cat $me/personality $me/oom_score_adj $me/timerslack_ns $me/cgroup $me/limits
cut -d' ' -f5-8,18-20 $me/stat
for fd in $me/fd/*; do
	n=${fd##*/}
	case $n in 10|255) continue;; esac # the shell's own
	echo "fd $n: $(readlink $fd) $(sed -n 's/flags:/flags/p' $me/fdinfo/$n)"
done
read children <$me/task/$$/children
echo "children: $children"
`

var ownPid = regexp.MustCompile(`(?m)^pid: (\d+)$`)

var pipeNumbers = regexp.MustCompile(`pipe:\[\d+\]`)

// asIs is the same command, without and with shimrun, from the same caller.
func asIs(t *testing.T, args ...string) (bare, shimmed func(backend string) *exec.Cmd) {
	t.Helper()
	bare = func(string) *exec.Cmd {
		return exec.Command(self(t), append([]string{"-victim", "prepare"}, args...)...)
	}
	shimmed = func(backend string) *exec.Cmd {
		document, err := json.Marshal(Plan{
			Path: args[0], Args: append([]string{"an argv[0]"}, args[1:]...),
			Backend: backend, Profile: []byte(testProfile),
		})
		if err != nil {
			t.Fatal(err)
		}
		return exec.Command(self(t), "-victim", "prepare", self(t), "-launch", string(document))
	}
	return bare, shimmed
}

func TestNothingIsDifferent(t *testing.T) {
	t.Run("to a shell", func(t *testing.T) {
		testNothingIsDifferent(t, "/bin/sh", "-c", tell, "name", "an argument")
	})
	// A shell changes its signal mask.
	t.Run("signals", func(t *testing.T) {
		if status, _ := os.ReadFile("/proc/self/status"); !strings.Contains(string(status), "SigBlk") {
			t.Skip("this kernel does not tell the signal mask")
		}
		testNothingIsDifferent(t, "/bin/grep", "-E", "^(Sig[BIC]|Shd)", "/proc/self/status")
	})
}

func testNothingIsDifferent(t *testing.T, args ...string) {
	bare, shimmed := asIs(t, args...)
	dir := t.TempDir()
	collect := func(cmd *exec.Cmd) []string {
		t.Helper()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		defer w.Close()
		file, err := os.Open("/etc/passwd")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		cmd.Dir = dir
		cmd.ExtraFiles = []*os.File{w, nil, file, nil, r}
		cmd.Stderr = cmd.Stdout
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		text := pipeNumbers.ReplaceAllString(string(out), "pipe")
		if pid := ownPid.FindStringSubmatch(text); pid != nil {
			text = regexp.MustCompile(`\b`+pid[1]+`\b`).ReplaceAllString(text, "PID")
		}
		return strings.Split(text, "\n")
	}
	want := collect(bare(""))
	if len(want) < 4 {
		t.Fatalf("bare: %q", want)
	}
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			if diff := cmp.Diff(want, collect(shimmed(backend))); diff != "" {
				t.Errorf("bare (-) and under shimrun (+) differ:\n%s", diff)
			}
		})
	}
}
