// Command probe asks kubelet's own code whether this machine can carry a node.
//
// Everything that k3s or a kubelet learns about disks, it learns through
// k8s.io/kubernetes/pkg/kubelet/cadvisor, and a lie that satisfies our own
// parser may still not satisfy that one. So probe links the very package, at
// the version of the kubelet that we promise to run, and takes the steps of
// the kubelet's start in the kubelet's order:
//
//	cadvisor.New        cmd/kubelet/app/server.go     parses mountinfo, reads /proc and /sys
//	oomparser.New       pkg/kubelet/oom               opens /dev/kmsg
//	Start               pkg/kubelet/kubelet.go        finds the cgroup mounts
//	ContainerInfoV2 "/" pkg/kubelet/kubelet.go        first statistics, read from the cgroup files
//	RootFsInfo          pkg/kubelet/cm                the node's ephemeral storage
//	GetDirFsInfo DIR    pkg/kubelet/stats             image and container filesystems
//
// What came out is printed as one JSON document, beside what stat(2),
// statfs(2) and mountinfo say of the same directories, so that a test can
// hold one against the other. No container runtime, no API server and no
// network is needed.
//
// The module is nested because Kubernetes needs some thirty replace lines and
// three times as many modules, which shimrun itself must not carry.
package main
