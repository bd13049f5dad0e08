package oci

import (
	"os"

	"path/filepath"
	"strings"
	"testing"
	"time"
)

// nodeConfig is containerd with Kubernetes' interface, for a node whose pods use
// its own network. docs/oci.md explains it.
const nodeConfig = `version = 2
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.overlayfs", "io.containerd.snapshotter.v1.zfs",
]
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "` + pause + `"
  disable_apparmor = true
  disable_cgroup = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/ctrd/cni"
    conf_dir = "/opt/ctrd/net.d"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "native"
    default_runtime_name = "shimrun"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.shimrun]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.shimrun.options]
        BinaryName = "/opt/ctrd/shimrun"
`

// node starts containerd, and becomes the server: k3s does both in one process.
// A container engine would have made the two files in /etc.
const node = `set -e
for file in /etc/hosts /etc/resolv.conf; do test -e $file || : >$file; done
containerd -c /opt/ctrd/config.toml >&2 &
until ctr version >/dev/null 2>&1; do sleep 0.2; done
ctr -n k8s.io image import --snapshotter native /opt/ctrd/image.tar
exec "$@" --container-runtime-endpoint unix:///run/containerd/containerd.sock
`

const nodePod = `
apiVersion: v1
kind: Pod
metadata: {name: smoke}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 2
  containers:
  - name: main
    image: ` + image + `
    imagePullPolicy: Never
    command: [sh, -c, "echo to stdout; echo to stderr >&2; trap 'exit 0' TERM; while :; do sleep 0.1; done"]
`

// kubeserver is upstream's Kubernetes, which `make kubeserver` builds.
func kubeserver(t *testing.T) string {
	t.Helper()
	name := os.Getenv("KUBESERVER")
	if name == "" {
		cache, err := os.UserCacheDir()
		must(t, err)
		name = filepath.Join(cache, "shimrun/kubeserver/kubeserver")
	}
	if _, err := os.Stat(name); err != nil {
		lack(t, "%v; run make kubeserver", err)
	}
	return name
}

// TestKubeletWithContainerdInGVisor has a node with nothing in it that was made
// for a test but its size: kubelet, containerd and a pod below one shimrun.
func TestKubeletWithContainerdInGVisor(t *testing.T) {
	server := kubeserver(t)
	conflist, err := os.ReadFile("../../deploy/10-shimrun.conflist")
	must(t, err)
	plugin, err := os.ReadFile(binary(t))
	must(t, err)
	for _, g := range grounds[:2] { // Debian 12's: a node takes minutes
		t.Run(g.String(), func(t *testing.T) {
			data, err := os.MkdirTemp("/var/tmp", "shimrun-node-")
			must(t, err)
			t.Cleanup(func() { os.RemoveAll(data) })
			b := newBox(t, g, true, []string{filepath.Dir(server) + ":/opt/kube", data + ":/var/lib/rancher"}, map[string][]byte{
				"config.toml": []byte(nodeConfig), "node": []byte(node), "net.d/10-shimrun.conflist": conflist, "cni/shimrun": plugin, "cni/loopback": plugin,
			})
			for _, name := range []string{"shimrun", "loopback"} {
				must(t, os.Chmod(filepath.Join(b.folder, "cni", name), 0o755))
			}
			ended := b.daemon(t, "shimrun", "--profile", "kubernetes,containerd", "--", "sh", "/opt/ctrd/node",
				"/opt/kube/kubeserver", "server", "--data-dir", "/var/lib/rancher/k", "--write-kubeconfig", "/var/lib/rancher/kubeconfig")
			n := &boxedNode{t, b, ended}
			n.live()
		})
	}
}

// boxedNode is a node in a sandbox.
type boxedNode struct {
	t     *testing.T
	box   *box
	ended <-chan struct{}
}

// kubectl runs it once.
func (n *boxedNode) kubectl(stdin string, args ...string) result {
	n.t.Helper()
	cmd := n.box.command(n.t, append([]string{"/opt/kube/kubeserver", "kubectl", "--kubeconfig", "/var/lib/rancher/kubeconfig"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	r := runCommand(n.t, cmd)
	if r.code < 0 { // killed
		n.box.look(n.t)
	}
	return r
}

// until repeats a kubectl until its output has the words.
func (n *boxedNode) until(words string, args ...string) {
	n.t.Helper()
	begun := time.Now()
	for {
		r := n.kubectl("", args...)
		if r.code == 0 && strings.Contains(r.stdout, words) {
			n.t.Logf("%q after %.1f s", words, time.Since(begun).Seconds())
			return
		}
		select {
		case <-n.ended:
			n.t.Fatalf("the node has ended")
		case <-time.After(500 * time.Millisecond):
		}
		// There to end a test that hangs, not to measure.
		if time.Since(begun) > 4*time.Minute {
			events := n.kubectl("", "get", "events")
			n.t.Fatalf("no %q: %s%s\n%s", words, r.stdout, r.stderr, events.stdout)
		}
	}
}

// live takes a pod through its life.
func (n *boxedNode) live() {
	t := n.t
	n.until("True", "get", "nodes", "-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
	n.until("default", "get", "serviceaccount", "default", "-o", "name")
	if r := n.kubectl(nodePod, "apply", "-f", "-"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	n.until("Running", "get", "pod", "smoke", "-o", "jsonpath={.status.phase}")
	for _, words := range []string{"to stdout\n", "to stderr\n"} {
		n.until(words, "logs", "smoke")
	}
	// The kernel says panic = 0, or has no such file; the profile says 10.
	r := n.kubectl("", "exec", "smoke", "--", "sh", "-c", "cat /proc/sys/kernel/panic; wc -c </var/run/secrets/kubernetes.io/serviceaccount/token; exit 5")
	if panic, token, _ := strings.Cut(r.stdout, "\n"); panic != "10" || len(token) < 3 || r.code != 5 {
		t.Errorf("exec: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	if r := n.kubectl("typed\n", "exec", "-i", "smoke", "--", "head", "-n", "1"); r.stdout != "typed\n" {
		t.Errorf("exec -i: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}

	// The pod's process dies, and comes again.
	kill := n.box.command(t, "pkill", "-KILL", "-f", "sh -c echo to stdout")
	if r := runCommand(t, kill); r.code != 0 {
		t.Fatalf("pkill: %d, %s", r.code, r.stderr)
	}
	n.until("1 true", "get", "pod", "smoke", "-o", "jsonpath={.status.containerStatuses[0].restartCount} {.status.containerStatuses[0].ready}")

	if r := n.kubectl("", "delete", "pod", "smoke", "--timeout=50s"); r.code != 0 {
		t.Error(r.stderr)
	}
	// A pod that asks for a network of its own shares the machine's, and has its own name.
	alone := strings.Replace(strings.Replace(nodePod, "hostNetwork: true", "hostNetwork: false", 1), "name: smoke", "name: alone", 1)
	if r := n.kubectl(alone, "apply", "-f", "-"); r.code != 0 {
		t.Fatal(r.stderr)
	}
	n.until("Running", "get", "pod", "alone", "-o", "jsonpath={.status.phase}")
	if r := n.kubectl("", "exec", "alone", "--", "/bin/busybox", "uname", "-n"); r.stdout != "alone\n" {
		t.Errorf("uname -n: status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
}
