package container

import (
	"os"
	"os/exec"
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// after are the fields of a stat file that follow the name, up to the start time.
const after = " S 7 1 1 0 -1 4194560 1021 34 1 0 0 1 0 0 20 0 1 0 "

func TestParseStat(t *testing.T) {
	want := stat{'S', 7, 4711}
	for name, text := range map[string]string{
		"plain":                "12 (sh)" + after + "4711 0\n",
		"nothing after":        "12 (sh)" + after + "4711",
		"spaces in the name":   "12 (a b c)" + after + "4711 0",
		"brackets in the name": "12 (a) S 1 (b)" + after + "4711 0",
		"a line in the name":   "12 (a\nb)" + after + "4711 0",
		"an empty name":        "12 ()" + after + "4711 0",
	} {
		if got, err := parseStat([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"empty":                  "",
		"no name":                "12",
		"cut off":                "12 (sh)" + after,
		"a parent of no number":  "12 (sh) S x 1 1 0 -1 4194560 1021 34 1 0 0 1 0 0 20 0 1 0 4711",
		"a start before the sea": "12 (sh)" + after + "-1",
	} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (a) b)" + after + "4711 0"))
	f.Add([]byte("12 (sh"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := parseStat(text); err != nil && s != (stat{}) {
			t.Errorf("%q: %+v and %v", text, s, err)
		}
	})
}

// sleeper is a process that lives until the test ends.
func sleeper(t *testing.T) (*exec.Cmd, Process) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	p, err := Find(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	return cmd, p
}

// A process is its number and its start, and a zombie is none.
func TestAlive(t *testing.T) {
	cmd, p := sleeper(t)
	if !p.Alive() || p.Parent() != os.Getpid() {
		t.Errorf("%+v is not alive, or not ours: %d", p, p.Parent())
	}
	later := Process{p.PID, p.Start + 1}
	for _, other := range []Process{{}, later, {-1, 0}, {p.PID, 0}} {
		if other.Alive() {
			t.Errorf("%+v is alive", other)
		}
		if err := other.Signal(unix.SIGKILL); err != unix.ESRCH {
			t.Errorf("%+v was signalled: %v", other, err)
		}
	}
	if err := p.Signal(0); err != nil {
		t.Error(err)
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Error(err)
	}
	// Nobody has waited for it yet.
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, p.PID, &info, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if p.Alive() {
		t.Error("a zombie is alive")
	}
	if err := p.Signal(unix.SIGKILL); err != unix.ESRCH {
		t.Errorf("a zombie was signalled: %v", err)
	}
	_ = cmd.Wait()
	if _, err := Find(p.PID); err == nil {
		t.Error("it is found after its end")
	}
}

// Descendants are found at any depth, and nobody else is.
func TestDescendants(t *testing.T) {
	cmd := exec.Command("sh", "-c", "sh -c 'sleep 1000 & echo; wait' & wait")
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	all := Descendants(cmd.Process.Pid)
	if len(all) != 2 || all[0].Parent() != cmd.Process.Pid || all[1].Parent() != all[0].PID {
		t.Errorf("of %d there are %v", cmd.Process.Pid, all)
	}
	if !slices.ContainsFunc(Descendants(os.Getpid()), func(p Process) bool { return p.PID == cmd.Process.Pid }) {
		t.Error("a child is none")
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	for _, p := range all {
		_ = p.Signal(unix.SIGKILL)
	}
}
