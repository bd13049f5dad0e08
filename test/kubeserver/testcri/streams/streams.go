//go:build !kubernetes1.34

package streams

import (
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
)

type (
	// Server serves exec, attach and port-forward.
	Server = streaming.Server
	// TerminalSize is what a client's terminal has.
	TerminalSize = remotecommand.TerminalSize
)

// DefaultConfig is upstream's.
var DefaultConfig = streaming.DefaultConfig

// NewServer makes a server that lets a runtime do the work.
var NewServer = streaming.NewServer
