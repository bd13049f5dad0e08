// Package limits holds the promise that a limit of setrlimit(2) which a command
// runs well under, it runs well under with shimrun in front; and what is done where
// nothing can be served.
package limits

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

const served = "/proc/sys/kernel/panic"

// shimrun is what the Makefile built; $SHIMRUN names another.
func shimrun(t *testing.T) string {
	t.Helper()
	name := os.Getenv("SHIMRUN")
	if name == "" {
		name = "../../bin/shimrun"
	}
	name, err := filepath.Abs(name)
	if err == nil {
		_, err = os.Stat(name)
	}
	if err != nil {
		lack(t, "%v; run make build first", err)
	}
	return name
}

// lack skips a test that cannot be made here, and fails it in CI.
func lack(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// under is a shell that gives itself a limit and executes a command.
func under(limit string, command ...string) *exec.Cmd {
	return exec.Command("bash", append([]string{"-c", "ulimit " + limit + ` && exec "$@"`, "bash"}, command...)...)
}

// run is a command's exit status and what it wrote.
func run(t *testing.T, cmd *exec.Cmd) (status int, said string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	if ws := cmd.ProcessState.Sys().(syscall.WaitStatus); ws.Signaled() {
		return 128 + int(ws.Signal()), string(out)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// with is a command under shimrun.
func with(t *testing.T, backend string, command ...string) []string {
	t.Helper()
	return append([]string{
		shimrun(t), "--backend", backend, "--profile", "none", "--log-level", "error", "--set", "kernel.panic=77", "--",
	}, command...)
}

var backends = []string{"seccomp", "ptrace"}

// read reads the served file, with what is built into the shell.
var read = []string{"bash", "-c", `read -r line <` + served + ` && [ "$line" = 77 ] || { echo "read $line"; exit 9; }`}

func TestCommandIsServed(t *testing.T) {
	for _, limit := range []string{
		"-v 120000", "-d 100000", "-n 8", "-f 1", "-s 64", "-s 1000000", "-l 0", "-i 0", "-c 0", "-t 1", "-q 0", "-r 0",
		"-Sv 60000", "-Sd 60000", "-Sn 8", "-Ss 64",
	} {
		for _, backend := range backends {
			t.Run(backend+" "+limit, func(t *testing.T) {
				t.Parallel()
				if status, said := run(t, under(limit, with(t, backend, read...)...)); status != 0 || said != "" {
					t.Errorf("exit status %d, %q", status, said)
				}
			})
		}
	}
}

func TestCommandHasItsLimits(t *testing.T) {
	const all = "-Sc 0; ulimit -d 200000; ulimit -Sf 1000; ulimit -i 100; ulimit -l 4; ulimit -n 50; ulimit -Sn 40; " +
		"ulimit -q 1000; ulimit -Ss 1000; ulimit -St 100; ulimit -Su 5000; ulimit -Sv 300000"
	_, want := run(t, under(all, "cat", "/proc/self/limits"))
	if !strings.Contains(want, "Max address space") {
		t.Fatalf("bare: %q", want)
	}
	for _, backend := range backends {
		if _, got := run(t, under(all, with(t, backend, "cat", "/proc/self/limits")...)); got != want {
			t.Errorf("%s:\n%s\nwithout shimrun:\n%s", backend, got, want)
		}
	}
}

// Where it is too little, one line says so, and what is to be raised.
func TestTooLittle(t *testing.T) {
	for _, limit := range []string{"-v 70000", "-d 50000", "-n 7", "-n 6", "-n 5", "-n 4"} {
		for _, backend := range backends {
			t.Run(backend+" "+limit, func(t *testing.T) {
				t.Parallel()
				status, said := run(t, under(limit, with(t, backend, "true")...))
				isExplained(t, limit, status, said)
			})
		}
	}
	t.Run("processes", func(t *testing.T) {
		if os.Getuid() != 0 {
			lack(t, "only root can become another user")
		}
		cmd := under("-u 8", with(t, "auto", "true")...)
		const nobodyElse = 64123 // whose processes are counted alone
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobodyElse, Gid: nobodyElse}}
		status, said := run(t, cmd)
		if strings.Contains(said, "Permission denied") {
			lack(t, "another user cannot reach shimrun: %s", said)
		}
		isExplained(t, "-u 8", status, said)
	})
}

func isExplained(t *testing.T, limit string, status int, said string) {
	t.Helper()
	option, amount, _ := strings.Cut(limit, " ")
	if status != 125 || strings.Count(said, "\n") != 1 || !strings.Contains(said, "raise ulimit "+option+", which is "+amount) {
		t.Errorf("exit status %d, %q", status, said)
	}
}

// What serves uses up more processor time than a process may have, and nobody
// notices: what was written before is there still.
func TestProcessorTime(t *testing.T) {
	const often = `for ((i = 0; i < 12000; i++)); do read -r line <` + served + ` && [ "$line" = 78 ] || exit 9; done`
	for backend, shells := range map[string]int{"seccomp": 12, "ptrace": 6} {
		t.Run(backend, func(t *testing.T) {
			status, said := run(t, under("-t 1", with(t, backend, "bash", "-c",
				`echo 78 >`+served+`; for ((shell = 0; shell < $1; shell++)); do bash -c "$0" || exit; done; cat `+served,
				often, strconv.Itoa(shells))...))
			if status != 0 || said != "78\n" {
				t.Errorf("exit status %d, %q", status, said)
			}
		})
	}
}

// A tracee that is handed over from one tracer to the next loses no signal, and
// stops and goes on as it is told.
func TestHandedOverUnderSignals(t *testing.T) {
	const script = `
exec 3<>"$0"
often='trap "((seen++))" USR1; echo >&3; for ((i = 0; i < 15000; i++)); do read -r line <` + served + ` && [ "$line" = 77 ] || exit 9; done; ((seen > 0))'
for shell in 1 2 3 4; do
	bash -c "$often" & shells+=($!); read -r <&3
done
while sleep 0.02; kill -USR1 "${shells[@]}" 2>/dev/null || kill -0 "${shells[@]}" 2>/dev/null; do
	kill -STOP "${shells[@]}"; kill -CONT "${shells[@]}"
done 2>/dev/null
for shell in "${shells[@]}"; do wait "$shell" || exit; done`
	ready := filepath.Join(t.TempDir(), "ready")
	if err := syscall.Mkfifo(ready, 0o600); err != nil {
		t.Fatal(err)
	}
	if status, said := run(t, under("-t 1", with(t, "ptrace", "bash", "-c", script, ready)...)); status != 0 || said != "" {
		t.Errorf("exit status %d, %q", status, said)
	}
}

// A procfs of another pid namespace, as where unshare(1) is given no --mount-proc: a
// thread's number leads to another process there, whose rights and files are not its own.
// Nothing is served then, and that is said.
func TestAnotherNamespacesProc(t *testing.T) {
	for _, backend := range backends {
		command := with(t, backend, "sh", "-c", "echo $$; cat "+served)
		command[slices.Index(command, "error")] = "warn"
		cmd := exec.Command(command[0], command[1:]...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		real, err := os.ReadFile(served)
		if err != nil {
			lack(t, "%v", err)
		}
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil || string(out) != "1\n"+string(real) {
			t.Errorf("%s: %v, %q and %s, want 1 and %q", backend, err, out, &said, real)
		}
		if lines := strings.Count(said.String(), "\n"); lines != 1 || !strings.Contains(said.String(), "another pid namespace") {
			t.Errorf("%s: %s", backend, &said)
		}
	}
}
