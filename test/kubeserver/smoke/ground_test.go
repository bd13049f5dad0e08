package smoke

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// address is one that is reserved for documentation, so that it is nobody's.
const address = "192.0.2.10"

// network gives a network namespace what a kubelet needs: an interface with an
// address, and a default route to find it by. A bridge needs no other side.
const network = `set -e
ip link set lo up
ip link add eth0 type bridge
ip addr add ` + address + `/24 dev eth0
ip link set eth0 up
ip route add default via 192.0.2.1
`

// ground is a place where commands run.
type ground interface {
	// command prepares one; it must be ended by SIGTERM.
	command(args ...string) *exec.Cmd
	// dir is a folder for a server's data, outside: the same path inside.
	dir() string
	// binary is kubeserver's path inside.
	binary() string
	// under is what the server is run under: nothing, or shimrun.
	under() []string
}

// need skips, or in CI fails, when this machine cannot do what a test needs.
func need(t *testing.T, programs ...string) {
	t.Helper()
	missing := ""
	if os.Geteuid() != 0 {
		missing = "root"
	}
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			missing = program
		}
	}
	switch {
	case missing == "":
	case os.Getenv("CI") == "true":
		t.Fatalf("%s is missing", missing)
	default:
		t.Skipf("%s is missing", missing)
	}
}

// kubeserver is the path of the binary, made once.
func kubeserver(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("KUBESERVER"); path != "" {
		return path
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "shimrun/kubeserver/kubeserver")
	if out, err := exec.Command("../build", path).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// native is this machine, with mounts and a network apart.
type native struct {
	holder int // the process that the namespaces hang on
	data   string
	path   string
	shim   []string
}

func newNative(t *testing.T) *native {
	need(t, "unshare", "nsenter", "ip")
	n := &native{data: t.TempDir(), path: kubeserver(t)}
	holder := exec.Command("unshare", "--mount", "--net", "--", "sh", "-c", network+"echo ready; exec sleep infinity")
	holder.Stderr = os.Stderr
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		holder.Process.Kill()
		holder.Wait()
	})
	if _, err := fmt.Fscanln(out, new(string)); err != nil {
		t.Fatalf("no namespaces: %v", err)
	}
	n.holder = holder.Process.Pid
	keepSysctls(t)
	t.Cleanup(removeCgroups)
	return n
}

func (n *native) command(args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"--target", strconv.Itoa(n.holder), "--mount", "--net", "--"}, args...)...)
}

func (n *native) dir() string     { return n.data }
func (n *native) binary() string  { return n.path }
func (n *native) under() []string { return n.shim }

// keepSysctls puts back what kubelet writes.
func keepSysctls(t *testing.T) {
	for _, name := range []string{"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes"} {
		path := "/proc/sys/" + name
		if old, err := os.ReadFile(path); err == nil {
			t.Cleanup(func() { os.WriteFile(path, old, 0) })
		}
	}
}

// removeCgroups removes kubelet's, leaves first; those in use stay.
func removeCgroups() {
	for _, pattern := range []string{"/sys/fs/cgroup/kubepods", "/sys/fs/cgroup/*/kubepods"} {
		roots, _ := filepath.Glob(pattern)
		for _, root := range roots {
			out, _ := exec.Command("find", root, "-depth", "-type", "d").Output()
			for _, dir := range strings.Fields(string(out)) {
				os.Remove(dir)
			}
		}
	}
}

// server is one that runs.
type server struct {
	ground
	t          *testing.T
	cmd        *exec.Cmd
	log        *lockedBuffer
	kubeconfig string
	begun      time.Time
	done       chan struct{}
}

// start starts a server on the ground's folder.
func start(t *testing.T, g ground, flags ...string) *server {
	t.Helper()
	s := &server{ground: g, t: t, log: &lockedBuffer{}, kubeconfig: g.dir() + "/kubeconfig", begun: time.Now(), done: make(chan struct{})}
	os.Remove(s.kubeconfig) // of an earlier server
	args := append(g.under(), g.binary(), "server", "--data-dir", g.dir(), "--write-kubeconfig", s.kubeconfig)
	s.cmd = g.command(append(args, flags...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		s.cmd.Wait()
	}()
	t.Cleanup(func() {
		s.cmd.Process.Signal(os.Interrupt)
		s.waitEnd(time.Minute)
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", tail(s.log.String()))
		}
	})
	return s
}

// patience is how long a test waits for what takes seconds on an idle machine:
// it is there to end a test that hangs, not to measure.
const patience = 4 * time.Minute

// tail is the end of a log without what gRPC says about a datastore that has
// been stopped, one line for each of its hundreds of connections; before it,
// all that shimrun asks to be reported.
func tail(log string) string {
	var lines []string
	report := ""
	for line := range strings.Lines(log) {
		if strings.Contains(line, "please report this") {
			report += line
		}
		if !strings.Contains(line, "grpc: addrConn.createTransport failed") {
			lines = append(lines, line)
		}
	}
	return report + strings.Join(lines[max(0, len(lines)-200):], "")
}

// waitEnd returns the exit status, or -1 when the server goes on.
func (s *server) waitEnd(patience time.Duration) int {
	select {
	case <-s.done:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		return -1
	}
}

// kubectl runs it once, and returns its standard output.
func (s *server) kubectl(stdin string, args ...string) (string, error) {
	cmd := s.command(append([]string{s.binary(), "kubectl", "--kubeconfig", s.kubeconfig}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String(), err
}

// eventually repeats a kubectl until its output satisfies want.
func (s *server) eventually(what string, patience time.Duration, want func(string) bool, stdin string, args ...string) string {
	s.t.Helper()
	begun := time.Now()
	for {
		out, err := s.kubectl(stdin, args...)
		if err == nil && want(out) {
			s.t.Logf("%s: after %.1f s (%.1f s since the start)", what, time.Since(begun).Seconds(), time.Since(s.begun).Seconds())
			return out
		}
		select {
		case <-s.done:
			s.t.Fatalf("%s: the server ended with %d", what, s.cmd.ProcessState.ExitCode())
		case <-time.After(200 * time.Millisecond):
		}
		if time.Since(begun) > patience {
			s.t.Fatalf("%s: not within %v: %q, %v", what, patience, out, err)
		}
	}
}

func contains(part string) func(string) bool {
	return func(s string) bool { return strings.Contains(s, part) }
}
