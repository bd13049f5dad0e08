// Command shimrun-validate measures whether a Kubernetes cluster works on a
// machine, by the criteria of `shimrun validate`, and what shimrun does to it.
//
// It is a program and a module of its own, because its Kubernetes and Helm
// libraries must not weigh on the shim; `shimrun validate` becomes it.
//
//	arguments ── app ── plan ──▶ experiment ── run, run, … ──▶ result ── judge ──▶ criteria
//	                              │  each: server.Start,          ├─ terminal
//	                              │  steps of package cluster,    ├─ --json
//	                              │  server.Stop, statistics      └─ document ── --markdown, --html
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// Exit statuses.
const (
	statusMet    = 0
	statusUnmet  = 1
	statusFailed = 125
)

// version is set by the Makefile.
var version = "unknown"

// errUnmet says that everything is said already.
var errUnmet = errors.New("a criterion was not met")

func main() {
	klog.SetOutput(io.Discard) // the libraries' own log
	klog.LogToStderr(false)
	os.Exit(execute(os.Args))
}

func execute(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the program at once, and the server with it
	}()
	err := newApp(os.Stdout, os.Stderr).RunContext(ctx, args)
	switch {
	case err == nil:
		return statusMet
	case errors.Is(err, errUnmet):
		return statusUnmet
	}
	fmt.Fprintln(os.Stderr, "shimrun validate:", strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "; "))
	return statusFailed
}
