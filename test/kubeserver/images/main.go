package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	programs := flag.String("suite", "", "write those of upstream's suite, of the programs in `FOLDER`")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: images [--suite FOLDER] OUTPUT.tar")
		os.Exit(2)
	}
	flag.Parse()
	if flag.NArg() != 1 || flag.Arg(0) == "" {
		flag.Usage()
	}
	add := addOwn
	if *programs != "" {
		add = func(a *archive) error { return addSuite(a, *programs) }
	}
	if err := write(flag.Arg(0), add); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// write makes the archive.
func write(path string, add func(*archive) error) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	a := newArchive(out)
	if err := add(a); err != nil {
		return err
	}
	return errors.Join(a.close(), out.Close())
}

// addOwn adds those of our own tests; names are what their pods ask for.
func addOwn(a *archive) error {
	busybox, err := busyboxLayer()
	if err != nil {
		return err
	}
	web, err := webLayer()
	if err != nil {
		return err
	}
	metrics, err := metricsLayer()
	if err != nil {
		return err
	}
	shell := []string{"sh"}
	for _, version := range []string{"1", "2"} {
		// The same files: what differs is what the image says.
		env := "IMAGE_VERSION=" + version
		a.add(image{repository: "localhost/shimrun/busybox", tag: version, layers: [][]byte{busybox}, command: shell, env: env})
		a.add(image{repository: "localhost/shimrun/web", tag: version, layers: [][]byte{busybox, web},
			entrypoint: []string{"/web"}, command: []string{"serve"}, env: env})
	}
	a.add(image{repository: "localhost/shimrun/metrics-server", tag: "1", layers: [][]byte{metrics}, entrypoint: []string{"/metrics-server"}})
	// That which k3s's containerd makes sandboxes of.
	a.add(image{repository: "docker.io/rancher/mirrored-pause", tag: "3.6", layers: [][]byte{web}, entrypoint: []string{"/web", "pause"}})
	return nil
}

// busyboxLayer is a small root with links for the programs of busybox that pods start.
func busyboxLayer() ([]byte, error) {
	busybox, err := findBusybox()
	if err != nil {
		return nil, err
	}
	return layer(func(l *files) { busybox.add(l, baseNames) })
}

// webLayer has the program in images/web, built here.
func webLayer() ([]byte, error) {
	dir, err := os.MkdirTemp("", "images")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "web")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "github.com/shimrun/shimrun/test/kubeserver/images/web")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return layer(func(l *files) { l.file("web", 0o755, program) })
}
