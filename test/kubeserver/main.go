package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/spf13/pflag"
	"k8s.io/component-base/version"

	"github.com/shimrun/shimrun/test/kubeserver/containerd/programs"
)

const usage = `usage: kubeserver server [flags]        run Kubernetes
       kubeserver cri [flags]           run the container runtime for tests
       kubeserver kubectl ARGUMENT...   ask a server
       kubeserver --version

--help after a command shows its flags.
`

func main() {
	// As in k3s, one file is several programs, told apart by their names.
	switch filepath.Base(os.Args[0]) {
	case "containerd":
		exit("containerd", programs.Containerd())
	case "ctr":
		exit("ctr", programs.Ctr())
	case "kubectl":
		runKubectl()
		return
	}
	// k3s has this one before the command.
	if len(os.Args) > 1 && os.Args[1] == "--debug" {
		os.Args = slices.Delete(os.Args, 1, 2)
	}
	if len(os.Args) < 2 {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	var run func(context.Context, []string) error
	switch name := os.Args[1]; name {
	case "server":
		run = runServer
	case "cri":
		run = runCRI
	case "kubectl":
		os.Args = os.Args[1:]
		runKubectl()
		return
	case "--version", "version":
		fmt.Println("kubeserver of Kubernetes", release)
		return
	case "--help", "-h", "help":
		fmt.Print(usage)
		return
	default:
		fmt.Fprintf(os.Stderr, "kubeserver: no command %q\n%s", name, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, os.Args[2:])
	stop()
	var wrong usageError
	switch {
	case err == nil, errors.Is(err, pflag.ErrHelp):
	case errors.As(err, &wrong):
		fmt.Fprintf(os.Stderr, "kubeserver %s: %v\n", os.Args[1], err)
		os.Exit(2)
	default:
		fmt.Fprintf(os.Stderr, "kubeserver %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

// exit ends a program that is not ours.
func exit(name string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// usageError is one of the caller.
type usageError struct{ error }

// parseFlags parses a command's flags; there are no other arguments.
func parseFlags(fs *pflag.FlagSet, args []string) error {
	fs.SortFlags = false
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, pflag.ErrHelp) {
			return err
		}
		return usageError{err}
	}
	if fs.NArg() > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", fs.Arg(0))}
	}
	return nil
}

// release is the version that build sets; without it upstream's code says v0.0.0.
var release = version.Get().GitVersion
