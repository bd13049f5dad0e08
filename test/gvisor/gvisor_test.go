package gvisor_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/shimrun/shimrun/test/gvisor"
)

func TestSandbox(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), []byte("from outside\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		opts gvisor.Options
		args string
		want string
		code int
	}{
		"root is 9p":            {args: "stat -f -c %t /", want: "1021997\n"},
		"says that it is 4.4.0": {args: "uname -r", want: "4.4.0\n"},
		"exit status":           {args: "sh -c 'exit 7'", code: 7},
		"death by a signal":     {args: "sh -c 'kill -9 $$'", code: 137},
		"no such command":       {args: "/nonexistent", code: 125},
		"capabilities of root":  {args: "grep CapEff /proc/self/status", want: "CapEff:\t0000003fffffffff\n"},
		"capabilities of Docker": {
			opts: gvisor.Options{Caps: "docker"},
			args: "grep CapEff /proc/self/status", want: "CapEff:\t00000000a80425fb\n",
		},
		"second 9p mount": {
			opts: gvisor.Options{Mounts: []string{dir + ":/var/lib/rancher"}},
			args: "sh -c 'cat /var/lib/rancher/file; grep -c 9p /proc/mounts'", want: "from outside\n2\n",
		},
		"no way out": {args: "sh -c 'grep -c eth0 /proc/net/route'", want: "0\n", code: 1},
		"network": {
			opts: gvisor.Options{Network: true},
			args: "sh -c 'grep -c ^eth0.00000000 /proc/net/route'", want: "1\n",
		},
		"cgroups": {
			opts: gvisor.Options{Cgroups: true},
			args: "sh -c 'grep -c \" cgroup \" /proc/mounts; cat /sys/fs/cgroup/pids/pids.current >/dev/null'", want: "6\n",
		},
	}
	for _, runsc := range gvisor.Names {
		for name, test := range tests {
			t.Run(runsc+"/"+name, func(t *testing.T) {
				t.Parallel()
				test.opts.Runsc = runsc
				sandbox := gvisor.Start(t, test.opts)
				stdout, stderr, code := sandbox.Run(t, "sh", "-c", "exec "+test.args)
				if strings.HasPrefix(test.args, "/") { // the runner's own answer, not sh's
					stdout, stderr, code = sandbox.Run(t, test.args)
				}
				if stdout != test.want || code != test.code {
					t.Errorf("%s = %q, status %d, want %q, status %d\n%s", test.args, stdout, code, test.want, test.code, stderr)
				}
			})
		}
	}
}

// The two are two indeed: only the older one refuses AT_NO_AUTOMOUNT, which
// coreutils' ls asks statx with.
func TestTheyDiffer(t *testing.T) {
	t.Parallel()
	codes := map[string]int{"debian12": 2, "debian13": 0}
	for _, runsc := range gvisor.Names {
		sandbox := gvisor.Start(t, gvisor.Options{Runsc: runsc})
		if _, stderr, code := sandbox.Run(t, "ls", "-l", "/etc/passwd"); code != codes[runsc] {
			t.Errorf("%s: ls ends with %d, want %d\n%s", runsc, code, codes[runsc], stderr)
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	sandbox := gvisor.Start(t, gvisor.Options{})

	t.Run("input and environment", func(t *testing.T) {
		cmd := sandbox.Command(t.Context(), []string{"WORD=a \"b\" \\ é\n"}, "sh", "-c", `cat; printf %s "$WORD"`)
		cmd.Stdin = strings.NewReader("in ")
		if out, err := cmd.Output(); err != nil || string(out) != "in a \"b\" \\ é\n" {
			t.Errorf("output %q, error %v", out, err)
		}
	})
	t.Run("files are read and written at their offsets", func(t *testing.T) {
		file, err := os.Create(filepath.Join(t.TempDir(), "out"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		for _, word := range []string{"one", "two"} {
			cmd := sandbox.Command(t.Context(), nil, "echo", word)
			cmd.Stdout = file
			if err := cmd.Run(); err != nil {
				t.Fatal(err)
			}
		}
		if text, err := os.ReadFile(file.Name()); err != nil || string(text) != "one\ntwo\n" {
			t.Errorf("file has %q, error %v", text, err)
		}
	})
	t.Run("the end of the context ends the command", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var exit *exec.ExitError
		err := sandbox.Command(ctx, nil, "sleep", "1234").Run()
		if !errors.As(err, &exit) || exit.ExitCode() != 128+15 {
			t.Errorf("error %v, want status 143", err)
		}
		if stdout, _, _ := sandbox.Run(t, "pgrep", "-f", "sleep 1234"); stdout != "" {
			t.Errorf("the command is still there, process %s", stdout)
		}
	})
}

// What one sandbox does to its root is not seen in another.
func TestRootIsPrivate(t *testing.T) {
	t.Parallel()
	first, second := gvisor.Start(t, gvisor.Options{}), gvisor.Start(t, gvisor.Options{})
	if _, stderr, code := first.Run(t, "sh", "-c", "rm -r /usr/bin/redis-server /var/log && echo > /etc/mark"); code != 0 {
		t.Fatalf("status %d: %s", code, stderr)
	}
	if _, stderr, code := second.Run(t, "sh", "-c", "test -x /usr/bin/redis-server -a -d /var/log -a ! -e /etc/mark"); code != 0 {
		t.Fatalf("status %d: %s", code, stderr)
	}
}

// When the process of a test is killed, no Cleanup runs, and still nothing of
// its sandboxes remains.
func TestKilledTestLeavesNothing(t *testing.T) {
	if os.Getenv("GVISOR_TEST_VICTIM") != "" {
		sandbox := gvisor.Start(t, gvisor.Options{})
		os.Stdout.WriteString("\nsandbox=" + sandbox.Name + "\n")
		select {}
	}
	t.Parallel()
	gvisor.Require(t)
	victim := exec.Command(os.Args[0], "-test.run=^TestKilledTestLeavesNothing$")
	victim.Env = append(os.Environ(), "GVISOR_TEST_VICTIM=1")
	var stderr strings.Builder
	victim.Stderr = &stderr
	stdout, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var name string
	for buf := make([]byte, 4096); name == ""; {
		n, err := stdout.Read(buf)
		if _, after, ok := strings.Cut(string(buf[:n]), "sandbox="); ok {
			name, _, _ = strings.Cut(after, "\n")
		} else if err != nil {
			t.Fatalf("victim ended: %v\n%s", err, &stderr)
		}
	}
	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()

	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		processes, _ := exec.Command("pgrep", "-af", "shimrun-gvisor/"+name).Output()
		_, err := os.Stat("/run/shimrun-gvisor/" + name)
		if len(processes) == 0 && errors.Is(err, os.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left: %s (directory: %v)", processes, err)
		}
	}
}
