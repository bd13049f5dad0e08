package fakefs

import (
	"slices"
	"strings"
	"testing"
)

func TestArgumentsFor(t *testing.T) {
	p, err := Parse("p.yaml", []byte(`
arguments:
  k3s server:
    - --kubelet-arg=image-gc-high-threshold=100
    - {add: --snapshotter=native, lacks: rootfs-9p}
    - {add: --disable-kube-proxy, lacks: netfilter}
    - {config: /etc/k3s.yaml, flags: [--config], environment: K3S_CONFIG}
`))
	if err != nil {
		t.Fatal(err)
	}
	settings := func(a Argument, command []string) []string {
		if a.Config != "/etc/k3s.yaml" || !slices.Equal(a.Flags, []string{"--config"}) || a.Environment != "K3S_CONFIG" {
			t.Errorf("%+v", a)
		}
		if slices.Contains(command, "mine") {
			return []string{"--snapshotter=overlayfs"}
		}
		return nil
	}
	for _, c := range []struct{ command, lacks, want string }{
		{"k3s server", "", "--kubelet-arg=image-gc-high-threshold=100"},
		{"/usr/bin/k3s server", "rootfs-9p netfilter", "--kubelet-arg=image-gc-high-threshold=100 --snapshotter=native --disable-kube-proxy"},
		{"k3s server --disable-kube-proxy", "netfilter", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s server --disable-kube-proxy=false", "netfilter", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s server --snapshotter overlayfs", "rootfs-9p", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s server --snapshotter=fuse-overlayfs --kubelet-arg=v=2", "rootfs-9p", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s server --kubelet-arg=image-gc-high-threshold=90", "", ""},
		{"k3s agent", "rootfs-9p", ""},
		{"k3s", "rootfs-9p", ""},
		{"k3s-server server", "rootfs-9p", ""},
		{"k3s --debug server", "", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s --data-dir /d server -c c.yaml", "", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s kubectl get server", "rootfs-9p", ""},
		{"k3s server --kubelet-arg image-gc-high-threshold=90", "", ""},
		{"k3s server -snapshotter=overlayfs", "rootfs-9p", "--kubelet-arg=image-gc-high-threshold=100"},
		{"k3s server --config mine", "rootfs-9p netfilter", "--kubelet-arg=image-gc-high-threshold=100 --disable-kube-proxy"},
	} {
		lacks := strings.Fields(c.lacks)
		got := p.ArgumentsFor(strings.Fields(c.command), settings, func(probe string) bool { return slices.Contains(lacks, probe) })
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s, lacking %q: added %q, want %q", c.command, c.lacks, got, c.want)
		}
	}
}

func TestHalfArgumentsAreRefused(t *testing.T) {
	for _, bad := range []string{
		"arguments: {k3s server: [{add: --x}]}",
		"arguments: {k3s server: [{lacks: kmsg}]}",
		"arguments: {k3s server: [{add: --x, lacks: luck}]}",
		"arguments: {k3s server: --x}",
		"arguments: {k3s server: [{config: /x, lacks: kmsg}]}",
		"arguments: {k3s server: [{add: --x, lacks: kmsg, flags: [-c]}]}",
		"programs: {runc: crun}",
		"programs: {/bin/runc: shimrun}",
		"programs: {runc: {lacks: kmsg}}",
	} {
		if _, err := Parse("p.yaml", []byte(bad)); err == nil {
			t.Errorf("%s is taken", bad)
		} else if !strings.HasPrefix(err.Error(), "p.yaml:1:") {
			t.Errorf("%s: %v names no place", bad, err)
		}
	}
}
