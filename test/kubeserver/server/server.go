package server

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/component-base/logs"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"

	genericapiserver "k8s.io/apiserver/pkg/server"
)

// patience is how long each component gets to stop.
const patience = 10 * time.Second

// plan holds the components that have been configured, but do not run yet.
type plan struct {
	apiserver, controllers, scheduler, kubelet func(context.Context) error
}

func newPlan(ctx context.Context, c *Config, creds *credentials) (p plan, err error) {
	// The order matters: see newControllers.
	if p.controllers, err = newControllers(c, creds); err != nil {
		return p, err
	}
	if p.apiserver, err = newAPIServer(ctx, c, creds); err != nil {
		return p, err
	}
	if p.scheduler, err = newScheduler(c); err != nil {
		return p, err
	}
	if !c.DisableAgent {
		p.kubelet, err = newKubelet(c, creds)
	}
	return p, err
}

// Run runs all until ctx ends, which it must by SIGTERM or SIGINT, as kubelet
// listens to these only; or until one component ends by itself.
func Run(ctx context.Context, c Config) (err error) {
	begun := time.Now()
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	logs.InitLogs()
	defer logs.FlushLogs()
	// Deprecations are for the writers of manifests, not for upstream's own code.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})

	if err := c.complete(); err != nil {
		return err
	}
	klog.InfoS("Starting kubeserver", "dataDir", c.DataDir, "nodeName", c.NodeName, "nodeIP", c.NodeIP)
	if err := writeToken(&c); err != nil {
		return err
	}
	creds, err := newCredentials(&c)
	if err != nil {
		return err
	}
	// ctx ends with a signal, but what is planned is stopped one by one.
	plan, err := newPlan(context.WithoutCancel(ctx), &c, creds)
	if err != nil {
		return err
	}
	store, err := startDatastore(&c)
	if err != nil {
		return err
	}
	defer store.close()
	klog.InfoS("The datastore is ready", "after", time.Since(begun))

	ended := make(chan error, 1)
	apiserver := start("kube-apiserver", ended, plan.apiserver)
	// It waits for its watchers to go, and kubelet's never do.
	defer apiserver.stop(time.Second)
	if err := waitReady(ctx, &c, ended); err != nil {
		return ignoreCancel(ctx, err)
	}
	klog.InfoS("Kube API server is now running", "after", time.Since(begun))
	if err := publishKubeconfig(&c); err != nil {
		return err
	}
	controllers := start("kube-controller-manager", ended, plan.controllers)
	defer controllers.stop(patience)
	scheduler := start("kube-scheduler", ended, plan.scheduler)
	defer scheduler.stop(patience)
	if plan.kubelet != nil {
		if err := awaitControllers(ctx, ended); err != nil {
			return ignoreCancel(ctx, err)
		}
		agent := start("kubelet", ended, plan.kubelet)
		defer shutdownKubelet(ctx, agent)
	}
	klog.InfoS("kubeserver is up and running", "after", time.Since(begun), "kubeconfig", c.Kubeconfig)

	select {
	case err := <-ended:
		return ignoreStop(ctx, err)
	case <-c.RuntimeEnded:
		return ignoreStop(ctx, errors.New("the container runtime has ended"))
	case <-ctx.Done():
		klog.InfoS("Stopping", "reason", context.Cause(ctx))
		return nil
	}
}

// ignoreCancel makes a stop that was asked for a success.
func ignoreCancel(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// ignoreStop makes the end of a component a success where a signal was its reason:
// kubelet gets it too, and may be gone before ctx ends.
func ignoreStop(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		klog.InfoS("Stopping", "reason", context.Cause(ctx))
		return nil
	case <-time.After(time.Second):
		return err
	}
}

// shutdownKubelet stops the one that reads signals itself. It has had ours when
// that was the reason to stop, and a second one would end the process at once.
func shutdownKubelet(ctx context.Context, agent *component) {
	if ctx.Err() == nil {
		genericapiserver.RequestShutdown()
	}
	agent.stop(patience)
}

// waitReady returns when the API server says that it is ready. Its own hooks
// tell nobody else, so it is asked as any client would.
func waitReady(ctx context.Context, c *Config, ended <-chan error) error {
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfigFile(adminUser))
	if err != nil {
		return err
	}
	config.Timeout = 5 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if client.Discovery().RESTClient().Get().AbsPath("/readyz").Do(ctx).Error() == nil {
			return nil
		}
		select {
		case err := <-ended:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
	}
}

// writeToken keeps the secret by which k3s lets other nodes join. None can join
// here, but programs that expect the file find it.
func writeToken(c *Config) error {
	if err := os.MkdirAll(c.datastoreDir(), 0o700); err != nil {
		return err
	}
	token := c.Token
	if token == "" {
		_, err := os.Stat(c.tokenFile())
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return fmt.Errorf("token: %w", err)
		}
		token = hex.EncodeToString(random)
	}
	return os.WriteFile(c.tokenFile(), []byte(token+"\n"), 0o600)
}
