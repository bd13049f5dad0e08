package procfs

import (
	"os"
	"testing"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

func TestParseStat(t *testing.T) {
	for text, want := range map[string]cgroup.Process{
		// Old gVisor.
		"9 (cat) R 3 3 3 0 0 0 0 0 0 0 2 1 0 0 20 0 1 0 47 11366400 911 18446744073709551615 0 0": {
			PID: 9, Parent: 3, Group: 3, Session: 3, User: 2e7, System: 1e7, Threads: 1, Start: 47, RSS: 911 * 4096,
		},
		"10 (a) R (b)) S 1 10 10 34816 -1 4194304 1 2 3 4 5 6 7 8 20 0 12 0 99 1 2 3": {
			PID: 10, Parent: 1, Group: 10, Session: 10, User: 5e7, System: 6e7, ChildUser: 7e7, ChildSystem: 8e7, Threads: 12, Start: 99, RSS: 2 * 4096,
		},
		// A supervisor is in the session of its command, and none of it.
		"11 (shimrun-super) S 10 10 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 12 0 99 1 2 3": {
			PID: 11, Parent: 10, Group: 11, Session: 11, User: 5e7, System: 6e7, ChildUser: 7e7, ChildSystem: 8e7, Threads: 12, Start: 99, RSS: 2 * 4096, Ours: true,
		},
		"12 (shimrun) S 10 10 7 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 12 0 99 1 2 3": {
			PID: 12, Parent: 10, Group: 10, Session: 7, User: 5e7, System: 6e7, ChildUser: 7e7, ChildSystem: 8e7, Threads: 12, Start: 99, RSS: 2 * 4096,
		},
	} {
		got, ok := parseStat([]byte(text))
		if !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "9", "9 (cat) R 3", "x (cat) R 3 3 3 0 0 0 0 0 0 0 2 1 0 0 20 0 1 0 47 1 2 3",
		"9 (cat) Z 3 3 3 0 0 0 0 0 0 0 2 1 0 0 20 0 1 0 47 11366400 911 1 0 0"} {
		if p, ok := parseStat([]byte(text)); ok {
			t.Errorf("%q: %+v", text, p)
		}
	}
}

func TestProcesses(t *testing.T) {
	all, err := Machine{}.Processes()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.PID == os.Getpid() {
			if p.Parent != os.Getppid() || p.RSS == 0 || p.Threads < 1 {
				t.Errorf("this process: %+v", p)
			}
			threads, err := Machine{}.Threads(p.PID)
			if err != nil || len(threads) < 1 {
				t.Errorf("its threads: %v, %v", threads, err)
			}
			return
		}
	}
	t.Error("this process is not among them")
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("9 (cat) R 3 3 3 0 0 0 0 0 0 0 2 1 0 0 20 0 1 0 47 11366400 911 1 0 0"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, ok := parseStat(b); ok && (p.PID <= 0 || p.Threads < 1) {
			t.Errorf("%q: %+v", b, p)
		}
	})
}
