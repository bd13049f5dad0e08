package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// metricsServer is what `kubectl top` asks, as its own module says that it is built.
const (
	metricsServer        = "sigs.k8s.io/metrics-server/cmd/metrics-server"
	metricsServerVersion = "v0.9.0"
)

// metricsLayer has that program, which is built once: it takes some minutes.
func metricsLayer() ([]byte, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(cache, "shimrun/kubeserver/metrics-server-"+metricsServerVersion)
	path := filepath.Join(folder, "metrics-server")
	if _, err := os.Stat(path); err != nil {
		// Outside any module: the versions are those of its own.
		build := exec.Command("go", "install", "-trimpath", "-ldflags=-s -w", metricsServer+"@"+metricsServerVersion)
		build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOBIN="+folder)
		build.Dir = os.TempDir()
		if out, err := build.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("go install %s: %w\n%s", metricsServer, err, out)
		}
	}
	program, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return layer(func(l *files) {
		l.dir("tmp", 0o1777)
		l.file("metrics-server", 0o755, program)
	})
}
