package server

import (
	"context"
	"fmt"
	"strconv"

	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
)

func controllersArguments(c *Config, creds *credentials) arguments.Set {
	kubeconfig := c.kubeconfigFile(controllerUser)
	return arguments.Set{
		"allocate-node-cidrs":       {"true"},
		"authentication-kubeconfig": {kubeconfig},
		"authorization-kubeconfig":  {kubeconfig},
		"bind-address":              {"127.0.0.1"},
		"cluster-cidr":              {c.ClusterCIDR},
		"cluster-signing-cert-file": {creds.ca},
		"cluster-signing-key-file":  {creds.caKey},
		"flex-volume-plugin-dir":    {c.volumePluginDir()},
		// Each controller makes itself an account first, at twenty calls a second by
		// default; kubelet waits for that, see awaitControllers.
		"kube-api-burst":                   {"200"},
		"kube-api-qps":                     {"100"},
		"kubeconfig":                       {kubeconfig},
		"leader-elect":                     {"false"}, // losing it would end the process
		"root-ca-file":                     {creds.ca},
		"service-account-private-key-file": {creds.serviceAccount.Key},
		"service-cluster-ip-range":         {c.ServiceCIDR},
		"use-service-account-credentials":  {"true"},
		"v":                                {strconv.Itoa(c.Verbosity)},
	}
}

// newControllers returns the controller manager, ready to be run once there is
// an API server. It must be the first component that is made: making its flags
// changes the default of a feature gate, and panics when another's exist.
func newControllers(c *Config, creds *credentials) (func(context.Context) error, error) {
	const name = "kube-controller-manager"
	opts, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parse(name, opts.Flags(known, disabled, aliases), controllersArguments(c, creds), c.ControllerManagerArgs); err != nil {
		return nil, err
	}
	if err := opts.ComponentGlobalsRegistry.Set(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return func(ctx context.Context) error {
		gates := opts.ComponentGlobalsRegistry.FeatureGateFor("kube")
		if err := logsapi.ValidateAndApply(opts.Logs, gates); err != nil {
			return err
		}
		config, err := opts.Config(ctx, known, disabled, aliases)
		if err != nil {
			return err
		}
		return app.Run(ctx, config.Complete())
	}, nil
}
