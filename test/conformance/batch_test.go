package conformance

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shimrun/shimrun/test/conformance/cases"
)

// patience is how long one row may take. In gVisor on a busy machine a thousand
// processes take a while.
const patience = 90 * time.Second

// batch runs rows on a ground, with as few starts of the victim as can be: one
// that dies or hangs costs the row that it was in, and the next goes on behind it.
func batch(t *testing.T, v victims, rows []string) map[string][]string {
	t.Helper()
	// A child that changes its user before execve takes its parent along, whose
	// memory it shares: it is not dumpable any more, and a supervisor without
	// CAP_SYS_PTRACE may not look at its directories. Such rows come last.
	rows = slices.Clone(rows)
	slices.SortStableFunc(rows, func(a, b string) int { return cmp.Compare(changesUser(a), changesUser(b)) })
	records := make(map[string][]string)
	broken := 0
	for len(rows) > 0 {
		done, current, trouble := v.run(t, rows, records)
		rows = rows[done:]
		if trouble == "" {
			if len(rows) > 0 {
				t.Fatalf("the victim ended before %s", rows[0])
			}
			return records
		}
		if done == 0 {
			broken++
		}
		if current == "" {
			current = rows[0]
		}
		records[current] = []string{trouble}
		rows = rows[1:]
		v.revive(t)
		if broken == 8 {
			for _, row := range rows {
				records[row] = []string{"not run: the victim does not start: " + trouble}
			}
			return records
		}
	}
	return records
}

func changesUser(row string) int {
	if c, err := cases.Find(row); err == nil && c.Needs&cases.Nobody != 0 {
		return 1
	}
	return 0
}

// run runs one victim until its end or its first trouble, and says how many
// rows are done and in which it was then.
func (v *victims) run(t *testing.T, rows []string, records map[string][]string) (done int, current, trouble string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := v.start(ctx, rows)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	hung, began := false, time.Now()
	timer := time.AfterFunc(patience, func() { hung = true; cancel() })
	lines := bufio.NewScanner(stdout)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line struct {
			Start, Case string
			Lines       []string
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			trouble = fmt.Sprintf("the victim printed %q", lines.Text())
			continue
		}
		timer.Reset(patience)
		if line.Start != "" {
			current, began = line.Start, time.Now()
			continue
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Logf("%s took %.1f s", line.Case, took.Seconds())
		}
		records[line.Case] = line.Lines
		current = ""
		done++
	}
	err = cmd.Wait()
	timer.Stop()
	switch {
	case hung:
		trouble = "hangs"
	case err != nil && current != "":
		trouble = fmt.Sprintf("the victim died: %v", err)
	case err != nil && done < len(rows):
		trouble = fmt.Sprintf("the victim ended: %v", err)
	case err != nil:
		t.Errorf("the victim ended with %v: %s", err, &stderr)
	}
	if text := strings.TrimSpace(stderr.String()); text != "" {
		if trouble != "" {
			trouble += ": " + text
		} else {
			t.Logf("standard error: %s", text)
		}
	}
	return done, current, trouble
}

// grouped makes the end of a command's context the end of all its processes.
func grouped(cmd *exec.Cmd) *exec.Cmd {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}
