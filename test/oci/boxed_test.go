package oci

import (
	"os/exec"
	"testing"
)

// boxedConfig is all of containerd but what cannot work there: overlay file
// systems and devices for snapshots, and Kubernetes' interface.
const boxedConfig = `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.zfs",
]
`

// startBoxedContainerd starts containerd under shimrun in a gVisor sandbox.
func startBoxedContainerd(t *testing.T, g ground) *containerd {
	t.Helper()
	b := newBox(t, g, false, nil, map[string][]byte{
		"config.toml": []byte(boxedConfig),
		"served.yaml": []byte("extends: [containerd]\nsysctls: {kernel.panic: 1234}\n"),
	})
	c := &containerd{
		command: func(args ...string) *exec.Cmd { return b.command(t, args...) },
		under:   []string{"shimrun", "--profile", "containerd", "--"},
		address: "/run/containerd/containerd.sock", binary: "/opt/ctrd/shimrun",
	}
	b.daemon(t, "shimrun", "--profile", "/opt/ctrd/served.yaml", "--", "containerd", "-c", "/opt/ctrd/config.toml")
	c.begin(t, "/opt/ctrd/image.tar")
	return c
}

// TestContainerdInGVisor has all of containerd below one shimrun, its containers
// too.
func TestContainerdInGVisor(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.String(), func(t *testing.T) {
			c := startBoxedContainerd(t, g)
			t.Run("run", func(t *testing.T) { testContainerdRun(t, c) })
			t.Run("exec and kill", func(t *testing.T) { testContainerdExec(t, c) })
			if g.caps == "all" {
				t.Run("orphans", func(t *testing.T) { testOrphans(t, c) })
			}
			t.Run("several at once", func(t *testing.T) { testManyAtOnce(t, c, 3) })
			t.Run("nothing is left", func(t *testing.T) {
				r := runCommand(t, c.command("sh", "-c", "cat /run/containerd/runc/default/*/state.json /proc/self/mountinfo | grep snapshots; pgrep -f '[c]ontainerd-shim-runc-v2'"))
				if r.stdout != "" {
					t.Errorf("%q, %s", r.stdout, r.stderr)
				}
			})
		})
	}
}

// testOrphans looks at what a container's process leaves running: it goes with
// the container. (With Docker's capabilities nobody sees what root a process
// has, and an orphan is nobody's.)
func testOrphans(t *testing.T, c *containerd) {
	r := runCommand(t, c.run("--rm", image, "left", "sh", "-c", "setsid sleep 4321 </dev/null >/dev/null 2>&1 & sleep 0.2; exit 4"))
	if r.code != 4 {
		t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	if r := runCommand(t, c.command("pgrep", "-f", "sleep 4321")); r.code != 1 {
		t.Errorf("left behind: %s", r.stdout)
	}
}
