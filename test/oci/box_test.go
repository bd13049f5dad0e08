package oci

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

// box is a gVisor sandbox with this machine's containerd in /opt/ctrd, a 9p
// mount. Nothing of it is in the sandbox's own files.
type box struct {
	folder  string
	sandbox *gvisor.Sandbox
}

// boxedPrograms are what a containerd consists of.
var boxedPrograms = []string{"containerd", "ctr", "containerd-shim-runc-v2"}

// newBox makes one; give puts further files into its folder, by their names there.
func newBox(t *testing.T, g ground, network bool, mounts []string, give map[string][]byte) *box {
	t.Helper()
	gvisor.Require(t)
	folder, err := os.MkdirTemp("/var/tmp", "shimrun-ctrd-")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(folder) })
	must(t, os.Chmod(folder, 0o755))
	for _, program := range append([]string{binary(t)}, boxedPrograms...) {
		path, err := exec.LookPath(program)
		if err != nil {
			lack(t, "%v; run test/oci/install", err)
		}
		text, err := os.ReadFile(path)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(folder, filepath.Base(program)), text, 0o755))
	}
	must(t, os.WriteFile(filepath.Join(folder, "image.tar"), imageTar(t), 0o644))
	for name, text := range give {
		must(t, os.MkdirAll(filepath.Join(folder, filepath.Dir(name)), 0o755))
		must(t, os.WriteFile(filepath.Join(folder, name), text, 0o644))
	}
	sandbox := gvisor.Start(t, gvisor.Options{
		Runsc: g.runsc, Caps: g.caps, Cgroups: g.caps == "all", Network: network, Mounts: append([]string{folder + ":/opt/ctrd"}, mounts...),
	})
	return &box{folder, sandbox}
}

// command prepares a command in it.
func (b *box) command(t *testing.T, args ...string) *exec.Cmd {
	return b.sandbox.Command(t.Context(), []string{"PATH=/opt/ctrd:/usr/sbin:/usr/bin:/sbin:/bin", "SHIMRUN_MODE=builtin"}, args...)
}

// look logs what all threads in it do, for a command that got no further.
func (b *box) look(t *testing.T) {
	t.Helper()
	r := runCommand(t, b.command(t, "sh", "-c", `
		for p in /proc/[0-9]*; do
			echo "$(cut -d ' ' -f 1-4 $p/stat): $(tr '\0' ' ' <$p/cmdline | cut -c 1-150)"
			echo "  threads $(cut -d ' ' -f 3 $p/task/*/stat | sort | uniq -c | tr '\n' ' '), open $(readlink $p/fd/* | grep -c fifo) FIFOs"
		done`))
	t.Logf("%s%s", r.stdout, r.stderr)
}

// daemon starts a command that goes on until the test ends. If that fails, its
// output is shown.
func (b *box) daemon(t *testing.T, args ...string) (ended <-chan struct{}) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	must(t, err)
	cmd := b.command(t, args...)
	cmd.Stdout, cmd.Stderr = log, log
	must(t, cmd.Start())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait() // the end of the test's context ends it
	}()
	t.Cleanup(func() {
		<-done
		log.Close()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("%s", text[max(0, len(text)-1<<14):])
		}
	})
	return done
}
