// Package cluster has a test that does what people do on a cluster, while ten
// other pods run: step by step, each by its name.
//
//	go test ./cluster -run 'TestCluster/(Deployment|Exec)'
//
// The cluster is one of two. A running one, k3s's or any other with one node that
// has the images of package images, is named with
//
//	CLUSTER_KUBECONFIG=/etc/rancher/k3s/k3s.yaml CLUSTER_KUBECTL='k3s kubectl'
//
// Otherwise the test starts one: `shimrun -- k3s server`, with nothing else said, in
// a gVisor sandbox. Then these say what with, and on which ground:
//
//	K3S=/path/k3s                 that of ../build --k3s, or a real one
//	SHIMRUN=/path/shimrun         bin/shimrun where it is not set
//	CLUSTER_GROUND=docker         capabilities: docker (the default), all, or cgroups, all with gVisor's own
//	RUNSC=/path/runsc             another gVisor than the machine's
//	CLUSTER_FLAGS='--debug'       more for the server
//	CLUSTER_IMAGES='FILE.tar'     more archives of images
//	CLUSTER_CROWD=0               other pods that run meanwhile, ten where it is not set
//
// CLUSTER_PREPARED=1 does by hand what shimrun does not do by itself yet.
// CLUSTER_HOST_NETWORK=1 gives every pod the node's network, CLUSTER_KEEP=1 leaves
// the server's log and data.
//
// Upstream's own tests run on the same cluster where E2E names the folder that
// ../../e2e/build has filled:
//
//	E2E=~/.cache/shimrun/e2e go test ./cluster -run TestSuite -v
//
//	E2E_FOCUS='\[Conformance\]'   which, by their names, or @FILE with expressions
//	E2E_REPORT=report.json        Ginkgo's report, for ../../e2e/report
//	E2E_TIMEOUT=80m               end then, and report what there is
package cluster
