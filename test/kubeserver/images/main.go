package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	if len(os.Args) != 2 || os.Args[1] == "" || os.Args[1][0] == '-' {
		fmt.Fprintln(os.Stderr, "usage: images OUTPUT.tar")
		os.Exit(2)
	}
	if err := write(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

// write makes the archive; names are what pods ask for.
func write(path string) error {
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
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	a := newArchive(out)
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
	return errors.Join(a.close(), out.Close())
}

// busyboxLayer is a small root with a link for each of busybox's programs.
func busyboxLayer() ([]byte, error) {
	path, err := exec.LookPath("busybox")
	if err != nil {
		return nil, fmt.Errorf("%w; install busybox-static", err)
	}
	list, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("busybox --list: %w", err)
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return layer(func(l *files) {
		for _, dir := range []string{"bin", "etc", "home", "root", "usr", "var", "var/run", "dev", "proc", "sys", "run"} {
			l.dir(dir, 0o755)
		}
		l.dir("tmp", 0o1777)
		l.file("bin/busybox", 0o755, program)
		l.file("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home:/bin/sh\n"))
		l.file("etc/group", 0o644, []byte("root:x:0:\nuser:x:1000:\n"))
		for _, name := range lines(string(list)) {
			if name != "busybox" {
				l.link("bin/"+name, "busybox")
			}
		}
	})
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
