// Package e2e names what upstream's own judgement of a cluster is built from: its
// end-to-end suite and the programs in the images of its tests. `build` builds
// them, and ../kubeserver/cluster runs them. README.md has the rest.
//
// It is a module of its own so that kubeserver's does not change.
package e2e
