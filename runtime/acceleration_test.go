package runtime

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/thread"
)

// approximateProfile has a file that the kernel has, two that it lacks, and
// one that traps have to tell when it is opened.
const approximateProfile = `
name: approximate
sysctls:
  kernel.panic: 77
  kernel.shimtest: {type: integer, value: 5, min: 0, max: 9, mode: "0600"}
  vm.shim.deep: {type: string, value: deep}
files:
  /proc/version: {generate: version}
approximate: [/proc/sys]
`

func needMounts(t *testing.T) {
	t.Helper()
	if lacks := LacksMounts(); lacks != "" {
		if os.Getenv("CI") == "true" && os.Getuid() == 0 {
			t.Fatal(lacks)
		}
		t.Skip(lacks)
	}
}

// accelerated is a shell script under a profile. Its figures are written to a file.
func accelerated(t *testing.T, backend, mode, script string) (cmd *exec.Cmd, figures string) {
	t.Helper()
	figures = filepath.Join(t.TempDir(), "figures.json")
	return launchCommand(t, Plan{
		Path: "/bin/sh", Args: []string{"sh", "-ec", script}, Backend: backend, Profile: []byte(approximateProfile),
		Accelerate: mode, StatsFile: figures, Log: LogPlan{Format: "json", Level: "info"},
	}), figures
}

func output(t *testing.T, cmd *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	var log strings.Builder
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, log.String())
	}
	return string(out), log.String()
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// callsOf are the calls that the figures have.
func callsOf(t *testing.T, figures string) (calls []string) {
	t.Helper()
	var got struct {
		Calls []struct{ Call string }
	}
	if err := json.Unmarshal([]byte(readFile(t, figures)), &got); err != nil {
		t.Fatal(err)
	}
	for _, row := range got.Calls {
		calls = append(calls, row.Call)
	}
	return calls
}

func TestMountsTell(t *testing.T) {
	needMounts(t)
	for _, backend := range backends(t) {
		t.Run(backend, func(t *testing.T) { testMountsTell(t, backend) })
	}
}

func testMountsTell(t *testing.T, backend string) {
	const script = `
cd /proc/sys
cat kernel/panic kernel/shimtest vm/shim/deep kernel/ostype
echo 3 > kernel/panic; echo anything > kernel/shimtest
sh -c 'cat kernel/panic /proc/sys/kernel/shimtest'
ls kernel vm vm/shim . >/dev/null
stat -c %a kernel/shimtest vm/shim kernel
ls kernel | grep -vx shimtest | wc -l
cat /proc/$OUTSIDE/mountinfo > $SEEN
cat /proc/version`
	panics, mounts := readFile(t, "/proc/sys/kernel/panic"), readFile(t, "/proc/self/mountinfo")
	entries, err := os.ReadDir("/proc/sys/kernel")
	if err != nil {
		t.Fatal(err)
	}
	seen := filepath.Join(t.TempDir(), "seen")
	cmd, figures := accelerated(t, backend, AccelerateAuto, script)
	cmd.Env = append(os.Environ(), "SEEN="+seen, "OUTSIDE="+strconv.Itoa(os.Getpid()))
	out, log := output(t, cmd)
	want := "77\n5\ndeep\nLinux\n3\nanything\n600\n555\n555\n" + strconv.Itoa(len(entries)) + "\n"
	if !strings.HasPrefix(out, want+"Linux version ") {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	if !strings.Contains(log, `"folders":["/proc/sys"]`) {
		t.Errorf("the log does not say so:\n%s", log)
	}
	calls := callsOf(t, figures)
	for _, call := range []string{"getdents64", "faccessat", "access", "stat", "lstat", "chdir", "readlinkat"} {
		if slices.Contains(calls, call) {
			t.Errorf("%s was trapped", call)
		}
	}
	if !slices.Contains(calls, "openat") {
		t.Errorf("openat was not trapped, but only %v", calls)
	}
	for what, now := range map[string][2]string{
		"the mounts outside, during the run": {readFile(t, seen), mounts},
		"the mounts outside, after it":       {readFile(t, "/proc/self/mountinfo"), mounts},
		"the host's kernel.panic":            {readFile(t, "/proc/sys/kernel/panic"), panics},
	} {
		if now[0] != now[1] {
			t.Errorf("%s changed:\n%swas\n%s", what, now[0], now[1])
		}
	}
}

// Where mounts tell all there is, nobody has to serve.
func TestMountsTellAll(t *testing.T) {
	needMounts(t)
	before := supervisors(t)
	cmd := launchCommand(t, Plan{
		Path: "/bin/cat", Args: []string{"cat", "/proc/sys/kernel/panic", "-"}, Backend: BackendAuto, Accelerate: AccelerateAuto,
		Profile: []byte("name: all\nsysctls: {kernel.panic: 77}\napproximate: [/proc/sys]\n"), Log: LogPlan{Level: "error"},
	})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitCommand(t, cmd, "cat")
	eventually(t, "no supervisor stays", func() bool { return len(others(t, before)) == 0 })
	stdin.Close()
	if err := cmd.Wait(); err != nil || out.String() != "77\n" {
		t.Errorf("got %q, %v", out.String(), err)
	}
}

func TestAccelerateOff(t *testing.T) {
	const script = `
cat /proc/sys/kernel/panic /proc/sys/kernel/shimtest
sh -c 'echo abc > /proc/sys/kernel/panic' 2>/dev/null || echo refused
readlink /proc/self/ns/mnt`
	cmd, figures := accelerated(t, BackendAuto, AccelerateOff, script)
	out, _ := output(t, cmd)
	namespace, _ := os.Readlink("/proc/self/ns/mnt")
	if want := "77\n5\nrefused\n" + namespace + "\n"; out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
	if calls := callsOf(t, figures); !slices.Contains(calls, "newfstatat") && !slices.Contains(calls, "access") {
		t.Errorf("names were not trapped, but only %v", calls)
	}
}

// A mount on a shared one must not be passed on, and what the command itself
// mounts elsewhere must be.
func TestMountsDoNotPropagate(t *testing.T) {
	needMounts(t)
	if _, err := exec.LookPath("unshare"); err != nil {
		t.Skip(err)
	}
	dir := t.TempDir()
	cmd, _ := accelerated(t, BackendAuto, AccelerateAuto,
		`cat /proc/sys/kernel/shimtest; grep /proc/sys /proc/$PPID/mountinfo /proc/$OUTER/mountinfo || echo unseen; mount -t tmpfs own "$DIR"`)
	cmd.Args = append([]string{"unshare", "--mount", "--propagation", "shared", "sh", "-ec",
		`export OUTER=$$; mount --make-rshared /; "$@"; grep -q " $DIR .*own" /proc/self/mountinfo && echo passed on`, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path, _ = exec.LookPath("unshare")
	cmd.Env = append(os.Environ(), "DIR="+dir)
	if out, log := output(t, cmd); out != "5\nunseen\npassed on\n" {
		t.Errorf("got\n%s%s", out, log)
	}
}

// Whoever is killed, the mounts hold while the command lives and are gone then.
func TestMountsWhenKilled(t *testing.T) {
	needMounts(t)
	needBackend(t, BackendSeccomp)
	mounts := readFile(t, "/proc/self/mountinfo")
	before := supervisors(t)
	cmd := launchCommand(t, Plan{
		Path: "/bin/sh", Args: []string{"victim", "-c", `read x; cat /proc/sys/kernel/panic /proc/sys/kernel/shimtest /proc/version; read x`},
		Backend: BackendSeccomp, Accelerate: AccelerateAuto, Profile: []byte(approximateProfile + "uname: {release: 9.9.9}\n"), Log: LogPlan{Level: "error"},
	})
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	awaitCommand(t, cmd, "victim")
	first := newSupervisor(t, before)
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = stdin.Write([]byte("go\n"))
	// The shell waits for a second line when it has read all of it.
	eventually(t, "the command has read what a successor serves", func() bool {
		children, _ := os.ReadFile("/proc/" + itoa(cmd.Process.Pid) + "/task/" + itoa(cmd.Process.Pid) + "/children")
		return len(children) == 0 && len(others(t, before)) > 0 && !slices.Contains(others(t, before), itoa(first))
	})
	if inside := readFile(t, "/proc/"+itoa(cmd.Process.Pid)+"/mountinfo"); !strings.Contains(inside, " /proc/sys/kernel ") {
		t.Errorf("the command does not have the mounts:\n%s", inside)
	}
	_ = cmd.Process.Kill()
	if err := cmd.Wait(); !errors.As(err, new(*exec.ExitError)) {
		t.Error(err)
	}
	if got := readFile(t, "/proc/self/mountinfo"); got != mounts {
		t.Errorf("the mounts outside changed:\n%swere\n%s", got, mounts)
	}
	eventually(t, "nothing stays", func() bool { return len(others(t, before)) == 0 })
	if !strings.HasPrefix(out.String(), "77\n5\nLinux version 9.9.9") {
		t.Errorf("got %q", out.String())
	}
}

// Without the capability traps tell the same, and the log says why.
func TestTrapsWithoutCapability(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root, to give it up")
	}
	dir, err := os.MkdirTemp("/tmp", "shimrun-accelerate-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "shimrun")
	if out, err := exec.Command("cp", self(t), program).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(program, 0o755)); err != nil {
		t.Fatal(err)
	}
	plan, err := json.Marshal(Plan{
		Path: "/bin/sh", Args: []string{"sh", "-c", "cat /proc/sys/kernel/panic"}, Backend: BackendAuto,
		Accelerate: AccelerateAuto, Profile: []byte(approximateProfile), Log: LogPlan{Format: "json", Level: "info"},
	})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-launch", string(plan))
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, log := output(t, cmd)
	if out != "77\n" || !strings.Contains(log, "there is no CAP_SYS_ADMIN to mount with") {
		t.Errorf("got %q\n%s", out, log)
	}
}

// Where mounting fails, traps tell the same, a warning says so, and nothing is mounted.
func TestTrapsWhereMountingFails(t *testing.T) {
	needMounts(t)
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		t.Skip(err)
	}
	cmd, _ := accelerated(t, BackendAuto, AccelerateAuto,
		`cat /proc/sys/kernel/panic /proc/sys/kernel/shimtest; grep /proc/sys /proc/self/mountinfo || echo nothing; (echo abc > /proc/sys/kernel/panic) 2>&- || echo refused`)
	cmd.Args = append([]string{"setpriv", "--bounding-set=-sys_chroot", "--inh-caps=-sys_chroot", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = setpriv
	out, log := output(t, cmd)
	if out != "77\n5\nnothing\nrefused\n" || !strings.Contains(log, `"error":"setns: operation not permitted"`) {
		t.Errorf("got\n%s%s", out, log)
	}
}

// A mount that fails leaves nothing of the others.
func TestMountsUndone(t *testing.T) {
	needMounts(t)
	var m mounter
	before := ""
	err := onMounts(t, func() error {
		before = readFile(t, "/proc/thread-self/mountinfo")
		if err := m.filesystem("/proc/sys/kernel"); err != nil {
			return err
		}
		if err := m.filesystem("/proc/sys/nowhere"); !errors.Is(err, unix.ENOENT) {
			return errors.Join(errors.New("a folder that is not there could be mounted on"), err)
		}
		m.undo()
		if after := readFile(t, "/proc/thread-self/mountinfo"); after != before {
			return errors.New("mounts are left:\n" + after)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// onMounts runs f on a thread with a mount namespace of its own.
func onMounts(t *testing.T, f func() error) error {
	t.Helper()
	return thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return os.NewSyscallError("unshare", err)
		}
		return f()
	})
}
