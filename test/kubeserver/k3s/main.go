package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/shimrun/shimrun/test/kubeserver/configfile"
)

const usage = `usage: k3s [--debug] server [flags]   run Kubernetes
       k3s kubectl ARGUMENT...        ask the server
       k3s ctr ARGUMENT...            ask its containerd
       k3s --version
`

const defaultDataDir = "/var/lib/rancher/k3s"

func main() {
	args := os.Args
	switch name := filepath.Base(args[0]); name {
	case "kubectl", "ctr": // a link to k3s
		fail(become(name, dataDir(args), args))
	}
	// k3s has flags of its own before the command.
	verb := slices.IndexFunc(args[1:], func(arg string) bool { return !strings.HasPrefix(arg, "-") }) + 1
	switch {
	case verb == 0 && slices.Contains(args, "--version"):
		fail(become("k3s", dataDir(args), args))
	case verb == 0 && (slices.Contains(args, "--help") || slices.Contains(args, "-h")):
		fmt.Print(usage)
		return
	case verb == 0:
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	switch name := args[verb]; name {
	case "server":
		all, err := configfile.Expand(args[verb+1:])
		if err != nil {
			fail(err)
		}
		fail(become("k3s-server", dataDir(all), args))
	case "kubectl", "ctr":
		fail(become(name, dataDir(args[:verb]), append([]string{name}, args[verb+1:]...)))
	default:
		fmt.Fprintf(os.Stderr, "k3s: no command %q\n%s", name, usage)
		os.Exit(2)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "k3s:", err)
	os.Exit(1)
}

// dataDir looks for the one flag that has to be known before anything is there.
func dataDir(args []string) string {
	for i, arg := range args {
		name, value, ok := strings.Cut(arg, "=")
		switch {
		case name != "--data-dir" && name != "-d":
		case ok:
			return value
		case i+1 < len(args):
			return args[i+1]
		}
	}
	return defaultDataDir
}

// become executes a program of the bundle.
func become(name, dataDir string, args []string) error {
	dir, err := unpack(dataDir)
	if err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	// As k3s: what is beside it counts before what the machine has.
	if err := os.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH")); err != nil {
		return err
	}
	if err := os.Setenv("K3S_DATA_DIR", dir); err != nil {
		return err
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return err
	}
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, args, os.Environ()))
}
