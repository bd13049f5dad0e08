package testcri

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/klog/v2"
)

// makeRoot makes the folder that stands for a container's root: for each mount a
// link to what would be mounted.
func makeRoot(root string, mounts []*runtimeapi.Mount) error {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return err
	}
	// A folder comes before what is mounted in it.
	mounts = slices.Clone(mounts)
	slices.SortFunc(mounts, func(a, b *runtimeapi.Mount) int {
		return strings.Compare(filepath.Clean(a.ContainerPath), filepath.Clean(b.ContainerPath))
	})
	for _, mount := range mounts {
		if err := link(root, mount); err != nil {
			return fmt.Errorf("mount of %s at %s: %w", mount.HostPath, mount.ContainerPath, err)
		}
	}
	return nil
}

func link(root string, mount *runtimeapi.Mount) error {
	// As container runtimes do, make a source that is missing.
	if _, err := os.Stat(mount.HostPath); errors.Is(err, fs.ErrNotExist) {
		if err := os.MkdirAll(mount.HostPath, 0o755); err != nil {
			return err
		}
	}
	// Clean with a slash in front, so that dots cannot lead out of the root.
	name := filepath.Join(root, filepath.Clean("/"+mount.ContainerPath))
	if inside := linkAbove(root, name); inside != "" {
		// A link here would be made in the host's folder.
		klog.InfoS("Leaving out a mount inside of another", "mount", mount.ContainerPath, "other", inside)
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.Symlink(mount.HostPath, name)
}

// linkAbove returns the link that a path leads through, below root.
func linkAbove(root, path string) string {
	for dir := filepath.Dir(path); len(dir) > len(root); dir = filepath.Dir(dir) {
		if info, err := os.Lstat(dir); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return dir
		}
	}
	return ""
}

// workDir is where a container's processes start: in its own root unless it
// names a folder, which is looked for there first and then on the host.
func workDir(root, wanted string) (string, error) {
	if wanted == "" {
		return root, nil
	}
	own := filepath.Join(root, filepath.Clean("/"+wanted))
	for _, dir := range []string{own, wanted} {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return own, os.MkdirAll(own, 0o755)
}
