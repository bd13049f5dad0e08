package runtime

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// guardianOf finds the guardian of a command, by what both have of the test: its
// standard error.
func guardianOf(t *testing.T, stderr string) int {
	t.Helper()
	return processWith(t, "shimrun-guard", stderr)
}

// processWith waits for the one process of a name whose standard error is a file.
func processWith(t *testing.T, comm, stderr string) int {
	t.Helper()
	found := 0
	eventually(t, "there is a "+comm, func() bool {
		names, _ := filepath.Glob("/proc/[0-9]*/comm")
		for _, name := range names {
			dir := filepath.Dir(name)
			is, _ := os.ReadFile(name)
			to, _ := os.Readlink(dir + "/fd/2")
			if string(is) == comm+"\n" && to == stderr {
				found, _ = strconv.Atoi(filepath.Base(dir))
				return true
			}
		}
		return false
	})
	return found
}

// killed kills a process, and waits until it is gone.
func killed(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is dead", func() bool {
		stat, err := os.ReadFile("/proc/" + itoa(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}

// startReader starts a command that reads a served file whenever it gets a line, with a
// file as its standard error.
func startReader(t *testing.T, plan Plan) (cmd *exec.Cmd, ask func(...string) string, stderr string) {
	t.Helper()
	plan.Path, plan.Args = "/bin/sh", []string{"sh", "-c", "while read x && [ -z \"$x\" ]; do cat /proc/shimtest; done"}
	plan.Profile, plan.Log = []byte(testProfile), LogPlan{Level: "error"}
	cmd = launchCommand(t, plan)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr = t.TempDir() + "/stderr"
	file, err := os.Create(stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ask = func(words ...string) string {
		if _, err := stdin.Write([]byte(strings.Join(words, " ") + "\n")); err != nil {
			return err.Error()
		}
		buf := make([]byte, 100)
		n, _ := stdout.Read(buf)
		return string(buf[:n])
	}
	if got := ask(); got != "hello\n" {
		t.Fatalf("it reads %q", got)
	}
	t.Cleanup(func() { stdin.Close() })
	return cmd, ask, stderr
}

// Whichever of guardian and supervisor dies, the other makes another.
func TestGuardianIsKilled(t *testing.T) {
	needBackend(t, BackendSeccomp)
	before := supervisors(t)
	cmd, ask, stderr := startReader(t, Plan{Backend: BackendSeccomp})
	for round := range 3 {
		// One guardian after the other, and then who made the last of them.
		for range 2 {
			old := guardianOf(t, stderr)
			killed(t, old)
			if next := guardianOf(t, stderr); next == old {
				t.Fatalf("round %d: guardian %d is still there", round, old)
			}
			if got := ask(); got != "hello\n" {
				t.Fatalf("round %d: it reads %q without a guardian", round, got)
			}
		}
		guardianOf(t, stderr)
		killed(t, processWith(t, "shimrun-super", stderr))
		if got := ask(); got != "hello\n" {
			said, _ := os.ReadFile(stderr)
			t.Fatalf("round %d: after the supervisor's death it reads %q\n%s", round, got, said)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	eventually(t, "nothing stays", func() bool {
		return len(others(t, before)) == 0 && !anyGuardian(stderr)
	})
}

func anyGuardian(stderr string) bool {
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		to, _ := os.Readlink(filepath.Dir(name) + "/fd/2")
		if is, _ := os.ReadFile(name); string(is) == "shimrun-guard\n" && to == stderr {
			return true
		}
	}
	return false
}

// Where both die at once, or the tracer dies, the command ends; and who waits for it
// hears why in one line.
func TestNobodyIsLeft(t *testing.T) {
	for _, backend := range backends(t) {
		for _, stats := range []bool{true, false} {
			if !stats && backend == BackendSeccomp {
				continue // nobody is there who could say it
			}
			cmd, _, stderr := startReader(t, Plan{Backend: backend, Stats: stats})
			if guardian := guardianOf(t, stderr); backend == BackendSeccomp {
				if err := syscall.Kill(guardian, syscall.SIGSTOP); err != nil { // it must not be faster
					t.Fatal(err)
				}
				supervisor := processWith(t, "shimrun-super", stderr)
				_ = syscall.Kill(supervisor, syscall.SIGKILL)
				_ = syscall.Kill(guardian, syscall.SIGKILL)
			} else {
				_ = syscall.Kill(processWith(t, "shimrun-super", stderr), syscall.SIGKILL)
			}
			_ = cmd.Wait()
			status := cmd.ProcessState.Sys().(syscall.WaitStatus)
			eventually(t, "nobody writes any more", func() bool { return !anyGuardian(stderr) })
			said, _ := os.ReadFile(stderr)
			if strings.Count(string(said), "\n") != 1 || !strings.Contains(string(said), "killed") {
				t.Errorf("%s, stats %v: it said %q, want one line", backend, stats, said)
			}
			if stats && status.ExitStatus() != StatusFailed || !stats && status.Signal() != syscall.SIGKILL {
				t.Errorf("%s, stats %v: status %#x", backend, stats, int(status))
			}
		}
	}
}

// Figures are to be had also after a supervisor's death: those of the next one.
func TestFiguresAfterADeath(t *testing.T) {
	needBackend(t, BackendSeccomp)
	file := t.TempDir() + "/stats.json"
	cmd, ask, stderr := startReader(t, Plan{Backend: BackendSeccomp, StatsFile: file})
	dead := processWith(t, "shimrun-super", stderr)
	killed(t, dead)
	if got := ask(); got != "hello\n" {
		t.Fatalf("it reads %q", got)
	}
	ask("exit")
	if err := cmd.Wait(); err != nil {
		said, _ := os.ReadFile(stderr)
		t.Fatalf("%v\n%s", err, said)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var f figures
	if err := json.Unmarshal(text, &f); err != nil || len(f.Calls) == 0 || f.Supervisor.PID == dead {
		t.Errorf("%v in %s", err, text)
	}
}

// What programs have open outlives the supervisor: a folder lists its files and has its
// name, and a sysctl refuses what it refuses, also to who is followed; whether one
// supervisor has died since, or more, or the guardian as well.
func TestHeldSinceAnEarlierSupervisor(t *testing.T) {
	needBackend(t, BackendSeccomp)
	const script = `cd /etc/shim-held.d; exec 5</etc/shim-held.d 6<>/proc/sys/kernel/shim_held; echo ready
		while read x; do echo $(ls /proc/self/fd/5/) $(/bin/pwd) $(echo junk 2>&1 >&6 || echo refused) $(cat /proc/sys/kernel/shim_held); done`
	cmd := launchCommand(t, Plan{
		Path: "/bin/sh", Args: []string{"sh", "-c", script}, Backend: BackendSeccomp, Log: LogPlan{Level: "error"},
		Profile: []byte("name: held\nsysctls: {kernel.shim_held: {type: integer, value: 7}}\nfiles:\n" +
			"  /etc/shim-held.d/a: {content: x}\n  /etc/shim-held.d/b: {content: x}\n"),
	})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := t.TempDir() + "/stderr"
	file, err := os.Create(stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	cmd.Stderr = file
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() || lines.Text() != "ready" {
		t.Fatalf("it says %q", lines.Text())
	}
	for round, name := range []string{"", "shimrun-super", "shimrun-super", "shimrun-guard", "shimrun-super", "shimrun-super"} {
		if name != "" {
			killed(t, processWith(t, name, stderr))
			processWith(t, name, stderr)
			time.Sleep(200 * time.Millisecond) // it follows again only once it serves
		}
		if _, err := stdin.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		lines.Scan()
		if got := lines.Text(); !strings.HasPrefix(got, "a b /etc/shim-held.d ") || !strings.HasSuffix(got, " refused 7") {
			t.Errorf("after death %d, of %s: %q", round, name, got)
		}
	}
	stdin.Close()
	_ = cmd.Wait()
}
