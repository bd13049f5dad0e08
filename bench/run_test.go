package bench

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/internal/report"
)

func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// Every floor does its work in every scenario: the victim looks at what it is
// told before it begins, so a cell has samples only where the lies are told.
func TestFloors(t *testing.T) {
	need(t, "cc")
	result, err := Run(t.Context(), Options{
		Scenarios:  []string{"*open*", "enoent", "stat", "statfs-lied", "*served*", "exec", "getppid", "compute", "start", "find", "filters"},
		Contenders: []string{"floor-*", "naive", "filter-*"},
		CPUs:       "one", Rounds: 1, Milliseconds: 5, Seed: 1,
		Dir: "/var/tmp", Programs: t.TempDir(), Version: "test",
		Progress: func(int) report.Progress { return report.NewProgress(os.Stderr, -1) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range result.Cells {
		if c.Problem != "" {
			t.Errorf("%s %s: %s", c.Scenario, c.Contender, c.Problem)
		} else if s := c.Spread(); s.N != 1 || s.Median <= 0 {
			t.Errorf("%s %s: %v", c.Scenario, c.Contender, c.NS)
		}
	}
	for _, scenario := range result.Scenarios {
		rows := result.rows(result.Grounds[0].Name, scenario.Name)
		if len(rows) < 4 {
			t.Errorf("%s has %d rows: %+v", scenario.Name, len(rows), rows)
		}
	}
	var text strings.Builder
	if err := result.Print(&text); err != nil {
		t.Fatal(err)
	}
	var page strings.Builder
	if err := result.WriteHTML(&page); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"statfs-lied", "floor-trace-exit", "filter-shimrun-traced"} {
		if !strings.Contains(text.String(), want) || !strings.Contains(page.String(), want) {
			t.Errorf("%s is missing in what is printed", want)
		}
	}
}

// A contender that tells nothing is not measured where the others tell lies.
func TestLiarsCompete(t *testing.T) {
	for _, s := range Scenarios() {
		for _, c := range Contenders() {
			if c.takes(&s) && c.Name != Bare && c.Tells&s.Tells != s.Tells {
				t.Errorf("%s takes part in %s, and does less than the others", c.Name, s.Name)
			}
		}
	}
}

// The victim refuses to measure a lie that was not told.
func TestVictimLooks(t *testing.T) {
	need(t, "cc")
	programs, err := Programs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"read", "1", "1", "/proc/sys/kernel/ostype", "another\n"},
		{"statfs", "1", "1", "/proc", "ef53"},
		{"open", "1", "1", "/nowhere"},
		{"enoent", "1", "1", "/proc"},
		{"dance", "1", "1"},
	} {
		if out, err := exec.Command(programs+"/victim", args...).CombinedOutput(); err == nil {
			t.Errorf("victim %q measured %s", args, out)
		}
	}
}

func TestProgramsAreKept(t *testing.T) {
	need(t, "cc")
	dir := t.TempDir()
	if _, err := Programs(dir); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CC", "no-such-compiler")
	if _, err := Programs(dir); err != nil {
		t.Errorf("compiled again: %v", err)
	}
	if _, err := Programs(t.TempDir()); err == nil || !strings.Contains(err.Error(), "--programs") {
		t.Errorf("without a compiler: %v", err)
	}
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		opt  Options
		want string
	}{
		{Options{Scenarios: []string{"nothing"}}, "no scenario"},
		{Options{Scenarios: []string{"open"}, Contenders: []string{"nobody"}}, "no contender"},
		{Options{Scenarios: []string{"open*"}, Contenders: []string{"floor-*"}}, ""},
		{Options{Scenarios: []string{"open"}, Contenders: []string{Bare}}, ""},
	} {
		r := runner{opt: c.opt}
		err := r.choose()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: %v, want %q", c.opt, err, c.want)
		}
		if c.want == "" && !slices.ContainsFunc(r.cells, func(v *visit) bool { return v.Contender == Bare }) {
			t.Errorf("%+v: bare is missing", c.opt)
		}
	}
}
