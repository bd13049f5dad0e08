//go:build suite

package e2e

// The suite is the tests of this package.
import _ "k8s.io/kubernetes/test/e2e"
