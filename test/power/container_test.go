package power

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/shimrun/shimrun/runtime/bundle"
	"github.com/shimrun/shimrun/test/power/acts"
)

// containerWays are what chooses each way to run a container under the shim.
var containerWays = map[string][]string{
	"delegate":       {"--mode", "delegate"},
	"within":         {"--mode", "delegate", "--backend", "ptrace"},
	"builtin":        {"--mode", "builtin"},
	"builtin-ptrace": {"--mode", "builtin", "--backend", "ptrace"},
}

// containers counts them: each has a name of its own.
var containers atomic.Int32

// containerGround is a container with what Docker gives, and runc without the
// shim. The host has the same scene, under a name that the container does not have.
func containerGround(t *testing.T) *ground {
	t.Helper()
	if _, err := exec.LookPath("runc"); err != nil {
		lack(t, "%v; run test/oci/install", err)
	}
	outside, err := os.MkdirTemp(binaries, "host-")
	must(t, err)
	must(t, os.Chmod(outside, 0o755))
	must(t, acts.Build(outside, false))
	t.Cleanup(func() {
		if err := acts.Intact(outside, false); err != nil {
			t.Errorf("the host's own %v", err)
		}
	})
	return &ground{name: "container", ways: []string{"delegate", "within", "builtin", "builtin-ptrace"}, dir: "/scene", outside: outside,
		victim: "/victim", command: contained, patience: 5 * time.Second, all: time.Minute}
}

// contained runs in a container, which is gone with the namespaces around it.
func contained(t *testing.T, ctx context.Context, way string, stage []string) *exec.Cmd {
	t.Helper()
	id := fmt.Sprintf("shimrun-power-%d-%d", os.Getpid(), containers.Add(1))
	dir := filepath.Join(binaries, id)
	rootfs := filepath.Join(dir, "rootfs")
	must(t, os.MkdirAll(filepath.Join(rootfs, "etc"), 0o755))
	must(t, os.WriteFile(filepath.Join(rootfs, "etc/passwd"), []byte("root:x:0:0::/root:/bin/sh\n"), 0o644))
	must(t, run("cp", victim(), filepath.Join(rootfs, "victim")))
	must(t, os.Mkdir(filepath.Join(rootfs, "scene"), 0o755))
	must(t, acts.Build(filepath.Join(rootfs, "scene"), way != ""))
	config(t, dir, id, stage)

	engine := []string{"runc", "--root", filepath.Join(dir, "state")}
	if way != "" {
		engine = append([]string{shim(), "--root", filepath.Join(dir, "state"), "--profile", profile(t, "/scene", false)}, containerWays[way]...)
	}
	t.Cleanup(func() {
		if err := acts.Intact(filepath.Join(rootfs, "scene"), way != ""); err != nil {
			t.Errorf("%s: the container's own %v", way, err)
		}
		// Left where the run did not get to its end.
		groups, _ := filepath.Glob("/sys/fs/cgroup/*/" + id)
		for _, group := range append(groups, "/sys/fs/cgroup/"+id) {
			_ = os.Remove(group)
		}
	})
	// A mount of the host's, in a folder that the container does not have.
	mount := `mount -t tmpfs "$0" "$1" && shift && exec "$@"`
	args := append(append(clone(alone), "sh", "-c", mount, acts.HostMount, mountPoint(t, dir)), engine...)
	args = append(args, "run", "--bundle", dir, id)
	return grouped(exec.CommandContext(ctx, args[0], args[1:]...))
}

func mountPoint(t *testing.T, dir string) string {
	point := filepath.Join(dir, "mounted")
	must(t, os.Mkdir(point, 0o755))
	return point
}

// TestEscape goes up from a folder that is served in a container, and looks for
// the host's mounts: nothing of the host is reached.
func TestEscape(t *testing.T) {
	if os.Getuid() != 0 {
		lack(t, "takes root")
	}
	g := containerGround(t)
	scene, err := json.Marshal(acts.Scene{Dir: g.dir, Host: g.outside, Caller: acts.Root})
	must(t, err)
	words := []string{g.victim, "alone", string(scene)}
	for _, act := range acts.EscapeActs {
		words = append(words, act.Name)
	}
	for _, way := range append([]string{""}, g.ways...) {
		t.Run(cmp.Or(way, "without the shim"), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), g.all)
			defer cancel()
			cmd := g.command(t, ctx, way, words)
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			outcomes := strings.Split(strings.TrimSpace(string(out)), "\n")
			if err != nil || len(outcomes) != len(acts.EscapeActs) {
				t.Fatalf("%v, %s, %s", err, out, &stderr)
			}
			for i, act := range acts.EscapeActs {
				// Without the shim there is no such folder.
				if missing := strings.HasPrefix(outcomes[i], "no folder"); way == "" && missing || !missing && acts.Refused(outcomes[i]) {
					continue
				}
				t.Errorf("%s: %s", act.Name, outcomes[i])
			}
		})
	}
}

// config writes what the container is.
func config(t *testing.T, dir, id string, stage []string) {
	t.Helper()
	capabilities := []string{
		"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID",
		"CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
	}
	spec := bundle.Example()
	spec.Process.Terminal = false
	spec.Process.Args = stage
	spec.Process.Capabilities = &specs.LinuxCapabilities{Bounding: capabilities, Effective: capabilities, Permitted: capabilities}
	spec.Root.Readonly = false
	spec.Linux.CgroupsPath = "/" + id
	text, err := json.MarshalIndent(spec, "", "\t")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
}
