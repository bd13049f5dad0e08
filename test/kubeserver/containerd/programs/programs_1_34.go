//go:build kubernetes1.34

package programs

import (
	"os"

	"github.com/containerd/containerd/v2/cmd/containerd/command"
	"github.com/containerd/containerd/v2/cmd/ctr/app"
)

// Containerd is upstream's daemon, with this process's arguments.
func Containerd() error { return command.App().Run(os.Args) }

// Ctr is its client.
func Ctr() error { return app.New().Run(os.Args) }
