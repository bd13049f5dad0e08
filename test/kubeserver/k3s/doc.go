// Command k3s is one file that can be copied anywhere, as k3s is: it has the
// programs that it runs packed behind it (package bundle), unpacks them once to
// data/HASH/bin below the data folder, puts that folder first in PATH and
// becomes the k3s in there.
//
//	k3s ── unpack ── DATA/data/HASH/bin/k3s ── containerd, ctr, kubectl: links to it
//	                                     └── containerd-shim-runc-v2, runc
//
// In there it is kubeserver, whose flags are k3s's. What has no flannel has no
// network plugins either: there are none in the bundle.
package main
