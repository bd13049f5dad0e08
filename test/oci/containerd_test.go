package oci

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// The images that the tests make: pause is the same, and stays.
const (
	image = "localhost/busybox:test"
	pause = "localhost/pause:test"
)

// containerd is a daemon of the test's own, wherever it runs.
type containerd struct {
	// command prepares a command beside it.
	command func(args ...string) *exec.Cmd
	// under is what ctr, which mounts as well, is run under.
	under []string
	// address is its socket, binary shimrun, both by the names that they have there.
	address, binary string
}

func startContainerd(t *testing.T, mode string) *containerd {
	t.Helper()
	for _, program := range []string{"containerd", "ctr", "containerd-shim-runc-v2"} {
		if _, err := exec.LookPath(program); err != nil {
			lack(t, "%v; run test/oci/install", err)
		}
	}
	if os.Geteuid() != 0 {
		lack(t, "containerd takes root")
	}
	// Short: the names of sockets may have 107 bytes.
	dir, err := os.MkdirTemp("/tmp", "ctrd")
	must(t, err)
	profile := filepath.Join(dir, "served.yaml")
	must(t, os.WriteFile(profile, []byte("sysctls: {kernel.panic: 1234}\n"), 0o644))
	config := fmt.Sprintf("version = 2\nroot = %q\nstate = %q\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n[grpc]\n  address = %q\n",
		dir+"/root", dir+"/state", dir+"/sock")
	must(t, os.WriteFile(dir+"/config.toml", []byte(config), 0o644))
	log, err := os.Create(dir + "/log")
	must(t, err)
	defer log.Close()
	daemon := exec.Command("containerd", "-c", dir+"/config.toml")
	daemon.Env = append(os.Environ(), "SHIMRUN_PROFILE="+profile)
	flags := modeFlags(mode)
	for i := 0; i < len(flags); i += 2 {
		daemon.Env = append(daemon.Env, "SHIMRUN_"+strings.ToUpper(flags[i][2:])+"="+flags[i+1])
	}
	daemon.Stdout, daemon.Stderr = log, log
	must(t, daemon.Start())
	c := &containerd{
		command: func(args ...string) *exec.Cmd { return exec.Command(args[0], args[1:]...) },
		address: dir + "/sock", binary: binary(t),
	}
	t.Cleanup(func() {
		_ = daemon.Process.Signal(syscall.SIGTERM)
		_ = daemon.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(dir + "/log")
			t.Logf("%s", text)
		}
		os.RemoveAll(dir)
	})
	must(t, os.WriteFile(dir+"/image.tar", imageTar(t), 0o644))
	c.begin(t, dir+"/image.tar")
	return c
}

// begin waits for the daemon, and gives it the image.
func (c *containerd) begin(t *testing.T, image string) {
	t.Helper()
	eventually(t, "containerd answers", func() bool { return c.ctr("version").Run() == nil })
	if r := runCommand(t, c.ctr("image", "import", "--snapshotter", "native", image)); r.code != 0 {
		t.Fatal(r.stderr)
	}
}

func (c *containerd) ctr(args ...string) *exec.Cmd {
	return c.command(slices.Concat(c.under, []string{"ctr", "-a", c.address}, args)...)
}

// run is `ctr run` with shimrun in runc's place.
func (c *containerd) run(args ...string) *exec.Cmd {
	return c.ctr(append([]string{"run", "--snapshotter", "native", "--runc-binary", c.binary}, args...)...)
}

// imageTar holds the images, of busybox, in the form of docker-save(1).
func imageTar(t *testing.T) []byte {
	t.Helper()
	program, err := os.ReadFile(busybox(t))
	must(t, err)
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	must(t, w.WriteHeader(&tar.Header{Name: "bin/", Typeflag: tar.TypeDir, Mode: 0o755}))
	must(t, w.WriteHeader(&tar.Header{Name: "bin/busybox", Typeflag: tar.TypeReg, Mode: 0o755, Size: int64(len(program))}))
	_, err = w.Write(program)
	must(t, err)
	for _, name := range applets {
		must(t, w.WriteHeader(&tar.Header{Name: "bin/" + name, Typeflag: tar.TypeSymlink, Linkname: "busybox"}))
	}
	must(t, w.Close())
	files := map[string][]byte{"layer.tar": layer.Bytes()}
	var images []any
	for tag, command := range map[string][]string{image: {"sh"}, pause: {"sleep", "2147483647"}} {
		name := fmt.Sprintf("%d.json", len(images))
		files[name], err = json.Marshal(map[string]any{
			"architecture": runtime.GOARCH, "os": "linux", "config": map[string]any{"Env": []string{"PATH=/bin"}, "Cmd": command},
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{fmt.Sprintf("sha256:%x", sha256.Sum256(layer.Bytes()))}},
		})
		must(t, err)
		images = append(images, map[string]any{"Config": name, "RepoTags": []string{tag}, "Layers": []string{"layer.tar"}})
	}
	files["manifest.json"], err = json.Marshal(images)
	must(t, err)
	var all bytes.Buffer
	w = tar.NewWriter(&all)
	for name, text := range files {
		must(t, w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(text))}))
		_, err := w.Write(text)
		must(t, err)
	}
	must(t, w.Close())
	return all.Bytes()
}

func TestContainerd(t *testing.T) {
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			c := startContainerd(t, mode)
			t.Run("run", func(t *testing.T) { testContainerdRun(t, c) })
			t.Run("with containerd's seccomp rules", func(t *testing.T) {
				r := runCommand(t, c.run("--rm", "--seccomp", image, "ruled", "sh", "-c", "cat /proc/sys/kernel/panic; mount -t tmpfs x /proc || exit 6"))
				if r.code != 6 || r.stdout != "1234\n" {
					t.Errorf("status %d, %q, %q", r.code, r.stdout, r.stderr)
				}
			})
			t.Run("exec and kill", func(t *testing.T) { testContainerdExec(t, c) })
			t.Run("terminal", func(t *testing.T) { testContainerdTerminal(t, c) })
			t.Run("many at once", func(t *testing.T) { testManyAtOnce(t, c, 50) })
		})
	}
}

func testContainerdRun(t *testing.T, c *containerd) {
	r := runCommand(t, c.run("--rm", image, "one", "sh", "-c", "cat /proc/sys/kernel/panic; echo words >&2; exit 5"))
	if r.code != 5 || r.stdout != "1234\n" || !strings.Contains(r.stderr, "words") {
		t.Errorf("status %d, %q, %q", r.code, r.stdout, r.stderr)
	}
}

func testContainerdExec(t *testing.T, c *containerd) {
	if r := runCommand(t, c.run("--detach", image, "two", "sleep", "1000")); r.code != 0 {
		t.Fatal(r.stderr)
	}
	if r := runCommand(t, c.ctr("task", "exec", "--exec-id", "e", "two", "cat", "/proc/sys/kernel/panic")); r.stdout != "1234\n" {
		t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	if r := runCommand(t, c.ctr("task", "exec", "--exec-id", "f", "--user", "1000:1000", "two", "sh", "-c", "id -u; exit 1")); r.code != 1 || r.stdout != "1000\n" {
		t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	runCommand(t, c.ctr("task", "kill", "-s", "KILL", "two"))
	eventually(t, "it has stopped", func() bool { return strings.Contains(runCommand(t, c.ctr("task", "ls")).stdout, "STOPPED") })
	if r := runCommand(t, c.ctr("task", "rm", "two")); r.code != 137 && r.code != 0 {
		t.Errorf("task rm: %d, %s", r.code, r.stderr)
	}
	if r := runCommand(t, c.ctr("container", "rm", "two")); r.code != 0 {
		t.Error(r.stderr)
	}
}

func testContainerdTerminal(t *testing.T, c *containerd) {
	cmd := c.run("--rm", "--tty", image, "three", "sh", "-c", "tty; stty size; read word; echo got $word; exit 3")
	shown, code := onTerminal(t, cmd, "/dev/pts", "hello\r")
	if code != 3 || !strings.Contains(shown, "/dev/pts/") || !strings.Contains(shown, "got hello") {
		t.Errorf("status %d, %q", code, shown)
	}
}

func testManyAtOnce(t *testing.T, c *containerd, n int) {
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			id := fmt.Sprintf("many%d", i)
			// It lives a little longer than it prints: a ctr older than
			// containerd's pull request 8643 closes the streams of a container
			// that has ended before it has read them to their end.
			if r := runCommand(t, c.run("--rm", image, id, "sh", "-c", "sleep 1; cat /proc/sys/kernel/panic && sleep 0.3")); r.code != 0 || r.stdout != "1234\n" {
				t.Errorf("%s: status %d, %q, %s", id, r.code, r.stdout, r.stderr)
			}
		})
	}
	group.Wait()
	if r := runCommand(t, c.ctr("container", "ls", "-q")); strings.TrimSpace(r.stdout) != "" {
		t.Errorf("left: %s", r.stdout)
	}
}
