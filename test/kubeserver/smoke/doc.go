// Package smoke has the tests of kubeserver as a whole. They know nothing of its
// code and call the binary only, so that they take seconds to build and could be
// run with a real k3s:
//
//	KUBESERVER=/path/to/kubeserver go test ./smoke
//
// Without KUBESERVER the binary is built first. Natively the server gets mounts
// and a network of its own, so that it disturbs nobody; what remains of a kubelet
// then are the cgroup /kubepods and five sysctls, which are put back at the end.
package smoke
