// Package server runs a whole Kubernetes in one process, as k3s does.
//
//	kine ── unix socket ── kube-apiserver ── https ─┬─ kube-controller-manager
//	(on SQLite)                                     ├─ kube-scheduler
//	                                                └─ kubelet ── unix socket ── container runtime
//
// Every box but the last is upstream's own code, called as a library and given
// command line arguments, so that k3s's --kubelet-arg and its kin mean what they
// mean there. The container runtime is another process.
//
// Upstream wrote these components for one process each. What they share here
// nevertheless, and what follows:
//
//   - feature gates: the controller manager changes a default while it makes its
//     flags, and nobody may after anybody else has made some. It comes first.
//   - logging, which may be configured once: all configure it alike.
//   - one handler for signals, which panics when it is installed twice. Only
//     kubelet's command installs it; the others are run below their commands,
//     with a context.
//   - the CSI volume plugin's idea of which node it is on: see awaitControllers.
//   - os.Exit, which kubelet calls when it cannot start. As in k3s, all end then.
package server
