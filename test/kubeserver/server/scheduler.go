package server

import (
	"context"
	"fmt"
	"strconv"

	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
)

func schedulerArguments(c *Config) arguments.Set {
	kubeconfig := c.kubeconfigFile(schedulerUser)
	return arguments.Set{
		"authentication-kubeconfig": {kubeconfig},
		"authorization-kubeconfig":  {kubeconfig},
		"bind-address":              {"127.0.0.1"},
		"kubeconfig":                {kubeconfig},
		"leader-elect":              {"false"}, // losing it would end the process
		"v":                         {strconv.Itoa(c.Verbosity)},
	}
}

// newScheduler returns the scheduler, ready to be run once there is an API
// server.
func newScheduler(c *Config) (func(context.Context) error, error) {
	const name = "kube-scheduler"
	opts := options.NewOptions()
	if err := parse(name, *opts.Flags, schedulerArguments(c), c.SchedulerArgs); err != nil {
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
		config, scheduler, err := app.Setup(ctx, opts)
		if err != nil {
			return err
		}
		err = app.Run(ctx, config, scheduler)
		if ctx.Err() != nil {
			return nil // "finished without leader elect" is how it says so
		}
		return err
	}, nil
}
