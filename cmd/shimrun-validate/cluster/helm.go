package cluster

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/release"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"
)

// LoadChart reads the chart in a folder of a file system.
func LoadChart(files fs.FS, dir string) (*chart.Chart, error) {
	var loaded []*loader.BufferedFile
	err := fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		loaded = append(loaded, &loader.BufferedFile{Name: strings.TrimPrefix(name, path.Clean(dir)+"/"), Data: text})
		return err
	})
	if err != nil {
		return nil, err
	}
	return loader.LoadFiles(loaded)
}

// Helm installs charts in one namespace, as the program of that name does.
type Helm struct {
	config    *action.Configuration
	namespace string
}

// Helm prepares it; cache is a folder for what it learns about the API.
func (c *Cluster) Helm(namespace, cache string) (*Helm, error) {
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig, flags.Namespace, flags.CacheDir = &c.kubeconfig, &namespace, &cache
	flags.WrapConfigFn = func(config *rest.Config) *rest.Config {
		config.QPS = -1
		config.WarningHandler = rest.NoWarnings{}
		return config
	}
	h := &Helm{new(action.Configuration), namespace}
	return h, h.config.Init(flags, namespace, "secret", func(string, ...any) {})
}

// Install installs a chart, without waiting for its pods.
func (h *Helm) Install(ctx context.Context, name string, c *chart.Chart, values map[string]any) error {
	install := action.NewInstall(h.config)
	install.ReleaseName, install.Namespace = name, h.namespace
	_, err := install.RunWithContext(ctx, c, values)
	if err != nil {
		return err
	}
	// What the cluster has kept of it, not what was sent.
	got, err := action.NewStatus(h.config).Run(name)
	if err != nil {
		return err
	}
	if got.Info.Status != release.StatusDeployed {
		return fmt.Errorf("release %s is %s: %s", name, got.Info.Status, got.Info.Description)
	}
	return nil
}

// Uninstall takes a release away.
func (h *Helm) Uninstall(name string) error {
	_, err := action.NewUninstall(h.config).Run(name)
	return err
}
