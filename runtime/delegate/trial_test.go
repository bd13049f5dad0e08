package delegate

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// scattering starts processes that leave their family in every way, and says so.
const scattering = `
stay='echo >>$MARK.lines; exec sleep 1000'
sh -c "$stay" &
(sh -c "$stay" &)
setsid sh -c "$stay" &
(setsid nohup sh -c "trap '' TERM HUP; (setsid sh -c '$stay' &); $stay" </dev/null >/dev/null 2>&1 &)
until test "$(wc -l <$MARK.lines 2>/dev/null)" = 5; do sleep 0.01; done
touch $MARK
`

// carriers are the processes whose environment has a mark.
func carriers(mark string) (found []string) {
	names, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range names {
		if text, err := os.ReadFile(name); err == nil && bytes.Contains(text, []byte("MARK="+mark+"\x00")) {
			command, _ := os.ReadFile(filepath.Join(filepath.Dir(name), "cmdline"))
			found = append(found, string(command))
		}
	}
	return found
}

// What a trial starts has ended when it returns, however the trial ends.
func TestTrialLeavesNothing(t *testing.T) {
	for name, test := range map[string]struct {
		end   string
		limit time.Duration
		says  string
	}{
		"it ends":         {"exit 0", time.Minute, ""},
		"it fails":        {"echo no >&2; exit 3", time.Minute, "no\n"},
		"it kills itself": {"kill -KILL $$", time.Minute, ""},
		"it goes on":      {"sleep 1000", 5 * time.Second, "it did not end within 5s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			mark := filepath.Join(t.TempDir(), "mark")
			out, err := Try(test.limit, "/usr/bin/env", "MARK="+mark, "sh", "-c", scattering+test.end)
			if (err == nil) != (name == "it ends") || !strings.Contains(string(out), test.says) {
				t.Errorf("%q, %v", out, err)
			}
			if _, err := os.Stat(mark); err != nil {
				t.Errorf("it had not started all: %v", err)
			}
			if left := carriers(mark); left != nil {
				t.Errorf("it leaves %q", left)
			}
		})
	}
}

// It ends with the process that wanted it, too.
func TestTrialEndsWithItsCaller(t *testing.T) {
	if mark := os.Getenv("TRIAL_OF"); mark != "" {
		_, _ = Try(time.Minute, "/usr/bin/env", "MARK="+mark, "sh", "-c", scattering+"sleep 1000")
		return
	}
	mark := filepath.Join(t.TempDir(), "mark")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestTrialEndsWithItsCaller$")
	cmd.Env = append(os.Environ(), "TRIAL_OF="+mark)
	must(t, cmd.Start())
	await(t, "all has started", func() bool { _, err := os.Stat(mark); return err == nil })
	must(t, cmd.Process.Signal(unix.SIGKILL))
	_ = cmd.Wait()
	await(t, "all has ended", func() bool { return carriers(mark) == nil })
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not come to pass that %s", what)
		}
	}
}

// What a trial starts knows of it, and the arguments are the command's.
func TestTrialIsKnown(t *testing.T) {
	out, err := Try(time.Minute, "/bin/sh", "-c", `echo "$0 $1 $`+trialVariable+`"`, "a b", "c")
	if string(out) != "a b c "+onTrial+"\n" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := Try(time.Minute, "/no/such/program"); err == nil || !strings.Contains(string(out), "no such file") {
		t.Errorf("%q, %v", out, err)
	}
	t.Setenv(trialVariable, "")
	must(t, EnterTrial())
	must(t, EnterTrial())
	t.Setenv(trialVariable, onTrial)
	must(t, EnterTrial())
	if EnterTrial() == nil {
		t.Error("what is beyond a trial enters it")
	}
}
