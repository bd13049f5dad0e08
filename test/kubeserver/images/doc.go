// Command images writes the container images that tests of a cluster use, as an
// archive that containerd imports, for machines without a registry:
//
//	go run ./images images.tar
//	k3s ctr -n k8s.io images import images.tar      (or lay it into agent/images)
//
// They are made of the machine's static busybox and of package web, in two
// versions, so that there is something to roll out; by tag and by digest. One is of
// Kubernetes' metrics server.
//
// With --suite they are those that upstream's end-to-end suite asks for, made of
// the programs that ../../e2e/build builds. Their names are upstream's, in the
// registries that KUBE_TEST_REPO_LIST names.
package main
