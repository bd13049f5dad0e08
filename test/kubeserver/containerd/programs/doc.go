// Package programs has containerd's main functions, which take their arguments
// differently in the versions that are built.
package programs

import _ "github.com/containerd/containerd/v2/cmd/containerd/builtins" // its plugins
