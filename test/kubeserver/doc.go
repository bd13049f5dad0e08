// Command kubeserver is a whole Kubernetes in one static binary, for tests: what
// k3s is, made of the same upstream code, for machines that k3s cannot be
// fetched to.
//
//	kubeserver server    API server, controller manager, scheduler, kubelet (package server)
//	kubeserver cri       a container runtime that needs nothing of the kernel (package testcri)
//	kubeserver kubectl   upstream's kubectl
//
// Commands and flags are named as k3s names them, so that a test can take one
// for the other. Called by their names, it is also containerd, ctr and kubectl:
// package k3s packs it as k3s is packed. It is not k3s: there is no network
// plugin, no service proxy, no second node.
package main
