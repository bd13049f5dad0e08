package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/spf13/pflag"

	"github.com/shimrun/shimrun/test/kubeserver/hostip"
	"github.com/shimrun/shimrun/test/kubeserver/testcri"
)

func runCRI(ctx context.Context, args []string) error {
	var c testcri.Config
	var untilEOF, sayReady bool
	fs := pflag.NewFlagSet("kubeserver cri", pflag.ContinueOnError)
	fs.StringVar(&c.Root, "root", "/var/lib/testcri", "`DIR` for its state and for what containers see as their root")
	fs.StringVar(&c.Socket, "listen", "/run/testcri.sock", "unix `SOCKET` to listen on")
	fs.IPVar(&c.PodIP, "pod-ip", nil, "`IP` that pods are said to have (default the machine's)")
	fs.BoolVar(&untilEOF, "until-stdin-ends", false, "end when standard input does")
	fs.BoolVar(&sayReady, "say-ready", false, "print \"ready\" when it listens")
	if err := parseFlags(fs, args); err != nil {
		return err
	}
	if c.PodIP == nil {
		c.PodIP = hostip.Choose()
	}
	if untilEOF {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(context.Background()) // a terminal's ^C is for the parent
		go func() {
			io.Copy(io.Discard, os.Stdin)
			cancel()
		}()
	}
	return testcri.Run(ctx, c, func(addr net.Addr) {
		if sayReady {
			fmt.Println("ready")
		}
	})
}
