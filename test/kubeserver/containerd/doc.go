// Package containerd runs containerd as k3s does: as a child, with state and
// configuration in k3s's folders, and images imported from agent/images.
//
//	Start ── agent/etc/containerd/config.toml ── containerd ── containerd-shim-runc-v2 ── runc
//
// All programs are looked up in PATH, where the folder that k3s unpacks is first.
// The configuration names no network: where flannel is off, neither does k3s's,
// and containerd looks in /etc/cni/net.d and /opt/cni/bin.
package containerd
