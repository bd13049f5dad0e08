//go:build !kubernetes1.34

package server

import (
	"github.com/google/cadvisor/lib/container/containerd"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
)

// tellCadvisor says where containerd is: kubelet does not tell its cAdvisor.
func tellCadvisor(_ arguments.Set, socket string) { *containerd.ArgContainerdEndpoint = socket }
