// Package streams is upstream's server of CRI's streams, which has moved from
// one module to another between the versions of Kubernetes that are built.
package streams
