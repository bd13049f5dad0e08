package programs

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A filesystem may be served by a process that is under the very shim that looks up
// names on it: its calls are answered while the look-up waits for it, and while many do.
func TestFilesystemServedUnderTheShim(t *testing.T) {
	if _, err := exec.LookPath("bindfs"); err != nil {
		lacking(t, err.Error()+"; install the package bindfs")
	}
	if f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0); err != nil {
		lacking(t, err.Error())
	} else {
		f.Close()
	}
	const script = `
bindfs -f "$1/real" "$1/seen" & server=$!
for i in $(seq 100); do mountpoint -q "$1/seen" && break; sleep 0.1; done
>"$1/mounted"; while ! test -e "$1/go"; do sleep 0.1; done
for i in $(seq 20); do cat "$1/seen/file" && stat -c %s "$1/seen/file" && ! stat "$1/seen/none" 2>/dev/null; done | sort | uniq -c | xargs
cd "$1/seen" && cat file && cd /
for i in $(seq 16); do (for n in $(seq 20); do stat -c %s "$1/real/../seen/./file" "$1/real/../seen/./none$n" 2>/dev/null; done) & done | sort | uniq -c | xargs
umount "$1/seen" && wait $server; echo ended with $?`
	for _, c := range []struct {
		name, backend string
		kill          bool // the supervisor that saw the server begin
	}{{"seccomp", "seccomp", false}, {"ptrace", "ptrace", false}, {"successor", "seccomp", true}} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			others := supervisors()
			for _, name := range []string{"real", "seen"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(dir, "real/file"), []byte("text\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = exec.Command("umount", "-l", filepath.Join(dir, "seen")).Run() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			cmd := exec.CommandContext(ctx, filepath.Join(binaries, "shimrun"), "--backend", c.backend, "--profile", "kubernetes",
				"--", "/bin/bash", "-c", script, "bash", dir)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // the server, and so all who wait
			killed := make(chan int, 1)
			go func() {
				for ctx.Err() == nil {
					if _, err := os.Stat(filepath.Join(dir, "mounted")); err == nil {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				n := 0
				for pid := range supervisors() {
					if c.kill && !others[pid] && syscall.Kill(pid, syscall.SIGKILL) == nil {
						n++
					}
				}
				killed <- n
				_ = os.WriteFile(filepath.Join(dir, "go"), nil, 0o644)
			}()
			out, err := cmd.CombinedOutput()
			if n := <-killed; c.kill != (n == 1) {
				t.Errorf("%d supervisors were killed", n)
			}
			if want := "20 5 20 text\ntext\n320 5\nended with 0\n"; err != nil || string(out) != want {
				t.Errorf("%v: got\n%swant\n%s", err, out, want)
			}
		})
	}
}

// supervisors are the processes that are one.
func supervisors() map[int]bool {
	pids := map[int]bool{}
	comms, _ := filepath.Glob("/proc/[0-9]*/comm")
	for _, comm := range comms {
		if name, err := os.ReadFile(comm); err == nil && strings.HasPrefix(string(name), "shimrun-super") {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(comm)))
			pids[pid] = true
		}
	}
	return pids
}

// lacking skips a test for which the machine lacks something, and fails it in CI.
func lacking(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(why)
	}
	t.Skip(why)
}
