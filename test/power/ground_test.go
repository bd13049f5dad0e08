package power

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/shimrun/shimrun/test/gvisor"
	"github.com/shimrun/shimrun/test/power/acts"
)

// A ground is a kernel and what a program may do on it, and the ways that
// shimrun is tried there.
type ground struct {
	name string
	// ways are the shims that are held against a run without one.
	ways []string
	// dir is where the scene is.
	dir string
	// command prepares the victim's stage: without a shim where way is "".
	command func(t *testing.T, ctx context.Context, way string, stage []string) *exec.Cmd
	// patience is how long an act may take, and a run of all of them.
	patience, all time.Duration
	sysctls       bool
	// victim is the program, where it has another name than outside.
	victim string
	// revive makes what a run may have ended, and tells whether it had.
	revive func(t *testing.T) bool
	// renew makes another one of what an act has made useless.
	renew func(t *testing.T)
	// outside is the scene outside of a container.
	outside string
}

// host is where the scene would be without a container.
func (g *ground) host() string {
	if g.outside != "" {
		return g.outside
	}
	return g.dir
}

func nativeGrounds() []*ground {
	dir := filepath.Join(binaries, "scene")
	return []*ground{
		{name: "native", ways: []string{"seccomp", "ptrace"}, dir: dir, command: native(dir, true), sysctls: true,
			victim: victim(), patience: 3 * time.Second, all: time.Minute},
		{name: "native-without-mounts", ways: []string{"seccomp", "ptrace"}, dir: dir, command: native(dir, false), sysctls: true,
			victim: victim(), patience: 3 * time.Second, all: time.Minute},
	}
}

// alone are namespaces that keep a run from the machine: its mounts, its host
// name and sysctls, its processes. They end with the run.
var alone = []string{
	"unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private", "--",
}

// native runs on this machine's kernel; without mounts nothing but the guard has
// CAP_SYS_ADMIN, and shimrun has a mount table of its own.
func native(dir string, mounts bool) func(*testing.T, context.Context, string, []string) *exec.Cmd {
	return func(t *testing.T, ctx context.Context, way string, stage []string) *exec.Cmd {
		args := append(clone(alone), victim(), "guard", "-dir", dir, "-tmpfs")
		if way != "" {
			args = append(args, "-shim")
		}
		if !mounts && way == "" {
			args = append(args, "-bind")
		}
		args = append(args, "--")
		if !mounts {
			args = append(args, "setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", "--")
		}
		if way != "" {
			args = append(args, shim(), "--backend", way, "--profile", profile(t, dir, true), "--")
		}
		return grouped(exec.CommandContext(ctx, args[0], append(args[1:], stage...)...))
	}
}

func clone(words []string) []string { return append([]string{}, words...) }

// A box is a gVisor sandbox, and the next one where old gVisor has ended it.
type box struct {
	runsc, caps string
	sandbox     *gvisor.Sandbox
}

func newBox(t *testing.T, runsc, caps string) *box {
	return &box{runsc, caps, gvisor.Start(t, gvisor.Options{Runsc: runsc, Caps: caps, Mounts: []string{binaries}})}
}

// nameOf is what the grounds in a box are called: gvisor12-all and so on.
func nameOf(runsc, caps string) string {
	return "gvisor" + strings.TrimPrefix(runsc, "debian") + "-" + caps
}

// ground is real gVisor, with all or with Docker's capabilities. Each caller gets
// a scene of its own.
func (b *box) ground(caller string) *ground {
	dir := "/var/lib/scene-" + caller
	return &ground{name: nameOf(b.runsc, b.caps), ways: []string{"ptrace"}, dir: dir, victim: victim(),
		patience: 15 * time.Second, all: 6 * time.Minute, revive: b.revive, renew: b.renew,
		command: func(t *testing.T, ctx context.Context, way string, stage []string) *exec.Cmd {
			args := []string{victim(), "guard", "-dir", dir, "--"}
			if way != "" {
				args = []string{victim(), "guard", "-dir", dir, "-shim", "--", shim(), "--backend", way, "--profile", profile(t, dir, false), "--"}
			}
			return b.sandbox.Command(ctx, nil, append(args, stage...)...)
		}}
}

func (b *box) revive(t *testing.T) bool {
	if b.sandbox.Command(t.Context(), nil, "/bin/true").Run() == nil {
		return false
	}
	b.renew(t)
	return true
}

func (b *box) renew(t *testing.T) { *b = *newBox(t, b.runsc, b.caps) }

// grouped makes the end of a command's context the end of all its processes.
func grouped(cmd *exec.Cmd) *exec.Cmd {
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// profile writes the profile that serves a scene.
func profile(t *testing.T, dir string, sysctls bool) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("name: power\nquirks: [mount-bind-link, mount-bind-recursive]\nmounts: virtual\n")
	b.WriteString("filesystems:\n  - {match: {type: tmpfs}, report: {type: btrfs}}\n  - {match: {type: 9p}, report: {type: ext4}}\n")
	if sysctls {
		b.WriteString("sysctls:\n")
		for name, value := range acts.Told {
			b.WriteString("  " + strings.TrimPrefix(name, "/proc/sys/") + ": \"" + strings.TrimSpace(value) + "\"\n")
		}
	}
	b.WriteString(acts.Profile(dir))
	// A folder of the test's own would be closed to the callers.
	file, err := os.CreateTemp(binaries, "power-*.yaml")
	must(t, err)
	defer file.Close()
	_, err = file.WriteString(b.String())
	must(t, err)
	return file.Name()
}
