//go:build kubernetes1.34

package server

import "github.com/shimrun/shimrun/test/kubeserver/arguments"

// tellCadvisor says where containerd is: kubelet does not tell its cAdvisor.
func tellCadvisor(args arguments.Set, socket string) { args["containerd"] = []string{socket} }
