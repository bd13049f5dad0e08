package containerd

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"k8s.io/klog/v2"
)

// importImages imports the archives that lie in agent/images, as k3s does for
// machines without a registry. One that is broken is said in the log, and the
// others are imported nevertheless.
func importImages(ctx context.Context, c Config) error {
	entries, err := os.ReadDir(c.Images())
	if errors.Is(err, fs.ErrNotExist) || len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	daemon, err := client.New(Socket)
	if err != nil {
		return err
	}
	defer daemon.Close()
	ctx = namespaces.WithNamespace(ctx, "k8s.io")
	for _, entry := range entries {
		path := filepath.Join(c.Images(), entry.Name())
		begun := time.Now()
		names, err := importArchive(ctx, daemon, path)
		if err != nil {
			klog.ErrorS(err, "Error while importing images", "file", path)
			continue
		}
		klog.InfoS("Imported images", "file", path, "images", names, "after", time.Since(begun))
	}
	return nil
}

func importArchive(ctx context.Context, daemon *client.Client, path string) (names []string, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var archive io.Reader = file
	switch name := strings.ToLower(path); {
	case strings.HasSuffix(name, ".tar"):
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		if archive, err = gzip.NewReader(file); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("neither .tar nor .tar.gz")
	}
	images, err := daemon.Import(ctx, archive, client.WithAllPlatforms(true))
	for _, image := range images {
		names = append(names, image.Name)
	}
	return names, err
}
