package runtime

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// supervisors finds the supervisors of this test binary.
func supervisors(t *testing.T) map[string]bool {
	t.Helper()
	mine, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	names, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, name := range names {
		dir := filepath.Dir(name)
		comm, _ := os.ReadFile(dir + "/comm")
		// Without CAP_SYS_PTRACE gVisor does not tell.
		exe, err := os.Readlink(dir + "/exe")
		if string(comm) == "shimrun-super\n" && (exe == mine || errors.Is(err, fs.ErrPermission)) {
			found[filepath.Base(dir)] = true
		}
	}
	return found
}

// others are the supervisors that were not there before.
func others(t *testing.T, before map[string]bool) []string {
	t.Helper()
	var list []string
	for pid := range supervisors(t) {
		if !before[pid] {
			list = append(list, pid)
		}
	}
	return list
}

// eventually waits for what other processes do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// A command that leaves a daemon behind returns at once, also for whoever
// reads its standard error to the end; the daemon is served on; and nothing
// stays after it.
func TestDaemon(t *testing.T) {
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			before := supervisors(t)
			dir := t.TempDir()
			cmd := command(t, backend, "sh", "-c",
				`(setsid sh -c 'until [ -e go ]; do sleep 0.02; done; cat /proc/shimtest >served.new; mv served.new served' >/dev/null 2>&1 </dev/null &) ; echo started`)
			cmd.Dir = dir
			out, err := cmd.CombinedOutput() // ends with the end of stdout and stderr
			if err != nil || string(out) != "started\n" {
				t.Fatalf("%q, %v", out, err)
			}
			if len(others(t, before)) != 1 {
				t.Errorf("the daemon has no supervisor")
			}
			if err := os.WriteFile(dir+"/go", nil, 0o644); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the daemon writes its file", func() bool {
				_, err := os.Stat(dir + "/served")
				return err == nil
			})
			if text, _ := os.ReadFile(dir + "/served"); string(text) != "hello\n" {
				t.Errorf("the daemon read %q", text)
			}
			eventually(t, "the supervisor is gone", func() bool { return len(others(t, before)) == 0 })
		})
	}
}

// The supervisor is nobody's child, holds no descriptor of the caller, and
// survives what service managers send to a whole cgroup.
func TestSupervisorStandsApart(t *testing.T) {
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) {
			before := supervisors(t)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			cmd := command(t, backend, "sh", "-c", "read x; cat /proc/shimtest")
			cmd.Stdin = r
			extra, err := os.Open("/etc/passwd")
			if err != nil {
				t.Fatal(err)
			}
			defer extra.Close()
			cmd.ExtraFiles = []*os.File{extra, extra, extra, extra}
			var out strings.Builder
			cmd.Stdout = &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			r.Close()
			var pid string
			eventually(t, "there is a supervisor, and the shell", func() bool {
				if list := others(t, before); len(list) > 0 {
					pid = list[0]
				}
				line, _ := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/comm")
				return pid != "" && string(line) == "sh\n"
			})
			stat, _ := os.ReadFile("/proc/" + pid + "/stat")
			fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
			ppid, group, terminal := fields[2], fields[3], fields[5]
			if ppid == itoa(cmd.Process.Pid) || ppid == itoa(os.Getpid()) || ppid != group || terminal != "0" {
				t.Errorf("the supervisor %s has the parent %s, the process group %s and the terminal %s", pid, ppid, group, terminal)
			}
			// The scheduler takes longer from one autogroup to another (sched(7)).
			own, _ := os.ReadFile("/proc/self/autogroup")
			if group, _ := os.ReadFile("/proc/" + pid + "/autogroup"); !bytes.Equal(group, own) {
				t.Errorf("the supervisor is in %s, its command in %s", group, own)
			}
			links, _ := filepath.Glob("/proc/" + pid + "/fd/*")
			for _, link := range links {
				if to, _ := os.Readlink(link); to == "/etc/passwd" || filepath.Base(link) == "0" && to != "/dev/null" {
					t.Errorf("the supervisor holds %s", to)
				}
			}
			if cwd, err := os.Readlink("/proc/" + pid + "/cwd"); err == nil && cwd != "/" {
				t.Errorf("the supervisor stands in %s", cwd)
			}
			signalAll(t, pid)
			if _, err := w.WriteString("go\n"); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil || out.String() != "hello\n" {
				t.Errorf("%q, %v", out.String(), err)
			}
		})
	}
}
