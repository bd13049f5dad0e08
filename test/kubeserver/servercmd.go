package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/shimrun/shimrun/test/kubeserver/configfile"
	"github.com/shimrun/shimrun/test/kubeserver/containerd"
	"github.com/shimrun/shimrun/test/kubeserver/server"
	"github.com/shimrun/shimrun/test/kubeserver/syssetup"
)

// accepted are flags of k3s's for parts that do not exist here. They are taken
// so that one command line serves both, and do nothing.
var accepted = map[string]bool{ // name → has a value
	"disable":                  true,
	"disable-cloud-controller": false,
	"disable-helm-controller":  false,
	"disable-kube-proxy":       false,
	"disable-network-policy":   false,
	"egress-selector-mode":     true,
	"flannel-backend":          true,
	"log":                      true,
}

// bundle is the variable by which k3s says where it has unpacked its programs.
const bundle = "K3S_DATA_DIR"

func runServer(ctx context.Context, args []string) error {
	c := server.Config{KubeconfigMode: 0o600}
	var mode, snapshotter, pause string
	fs := pflag.NewFlagSet("kubeserver server", pflag.ContinueOnError)
	fs.StringVarP(&c.DataDir, "data-dir", "d", "/var/lib/rancher/k3s", "where everything is kept")
	fs.BoolVar(&c.DisableAgent, "disable-agent", false, "run no kubelet")
	fs.IPVar(&c.BindAddress, "bind-address", nil, "`IP` that the API server listens on (default all)")
	fs.IntVar(&c.HTTPSPort, "https-listen-port", 6443, "`PORT` of the API server")
	fs.IPVar(&c.AdvertiseIP, "advertise-address", nil, "`IP` that pods find the API server at (default node-ip)")
	fs.IPVarP(&c.NodeIP, "node-ip", "i", nil, "`IP` of this node (default that of the default route's interface)")
	fs.StringVar(&c.NodeName, "node-name", "", "`NAME` of this node (default the host's)")
	fs.StringArrayVar(&c.NodeLabels, "node-label", nil, "`KEY=VALUE` to register the node with")
	fs.StringArrayVar(&c.NodeTaints, "node-taint", nil, "`KEY=VALUE:EFFECT` to register the node with")
	fs.StringArrayVar(&c.TLSSANs, "tls-san", nil, "another `NAME` or address in the API server's certificate")
	fs.StringVar(&c.ServiceCIDR, "service-cidr", "10.43.0.0/16", "`NETWORK` of services")
	fs.StringVar(&c.ClusterCIDR, "cluster-cidr", "10.42.0.0/16", "`NETWORK` of pods")
	fs.StringVar(&c.ClusterDNS, "cluster-dns", "", "`IP` of the DNS service (default the tenth of service-cidr)")
	fs.StringVar(&c.ClusterDomain, "cluster-domain", "cluster.local", "DNS `DOMAIN` of services")
	fs.StringVar(&c.RuntimeEndpoint, "container-runtime-endpoint", "", "`SOCKET` of a container runtime (default one of our own)")
	fs.StringVar(&snapshotter, "snapshotter", "overlayfs", "`NAME` of containerd's snapshotter")
	fs.StringVar(&pause, "pause-image", "rancher/mirrored-pause:3.6", "`IMAGE` of containerd's sandboxes")
	fs.StringVarP(&c.Kubeconfig, "write-kubeconfig", "o", written, "`FILE` to write the administrator's kubeconfig to, once the API server is ready")
	fs.StringVar(&mode, "write-kubeconfig-mode", "600", "its `MODE`")
	fs.StringVarP(&c.Token, "token", "t", "", "`SECRET` to write to server/token (default random)")
	fs.StringArrayVar(&c.KubeletArgs, "kubelet-arg", nil, "`NAME=VALUE` for kubelet")
	fs.StringArrayVar(&c.APIServerArgs, "kube-apiserver-arg", nil, "`NAME=VALUE` for kube-apiserver")
	fs.StringArrayVar(&c.ControllerManagerArgs, "kube-controller-manager-arg", nil, "`NAME=VALUE` for kube-controller-manager")
	fs.StringArrayVar(&c.SchedulerArgs, "kube-scheduler-arg", nil, "`NAME=VALUE` for kube-scheduler")
	fs.IntVarP(&c.Verbosity, "v", "v", 0, "verbosity of the log, `LEVEL` 0 to 10")
	acceptFlags(fs)
	args, err := configfile.Expand(args)
	if err != nil {
		return usageError{err}
	}
	if err := parseFlags(fs, args); err != nil {
		return err
	}
	if err := completeServer(&c, mode); err != nil {
		return usageError{err}
	}
	if !c.DisableAgent && c.RuntimeEndpoint == "" {
		stop, err := runRuntime(ctx, &c, snapshotter, pause)
		if err != nil {
			return err
		}
		defer stop()
	}
	return server.Run(ctx, c)
}

// runRuntime starts containerd where there is k3s's bundle, else a runtime of our
// own. The server ends with containerd, as k3s does.
func runRuntime(ctx context.Context, c *server.Config, snapshotter, pause string) (stop func(), err error) {
	if os.Getenv(bundle) == "" {
		runtime, err := startRuntime(ctx, c.DataDir, c.NodeIP)
		if err != nil {
			return nil, err
		}
		c.RuntimeEndpoint = runtime.endpoint()
		return runtime.stop, nil
	}
	if err := syssetup.CheckCgroups(); err != nil {
		return nil, err
	}
	syssetup.Configure()
	c.KubeletDir, c.Containerd = "/var/lib/kubelet", containerd.Socket
	child, err := containerd.Start(ctx, containerd.Config{DataDir: c.DataDir, Snapshotter: snapshotter, PauseImage: pause})
	if err != nil {
		return nil, err
	}
	c.RuntimeEndpoint = containerd.Endpoint
	c.RuntimeEnded = child.Ended()
	return child.Stop, nil
}

func acceptFlags(fs *pflag.FlagSet) {
	for name, hasValue := range accepted {
		if hasValue {
			fs.StringArray(name, nil, "")
		} else {
			fs.Bool(name, false, "")
		}
		if err := fs.MarkHidden(name); err != nil {
			panic(err) // it was added above
		}
	}
}

func completeServer(c *server.Config, mode string) error {
	bits, err := strconv.ParseUint(mode, 8, 9)
	if err != nil {
		return fmt.Errorf("--write-kubeconfig-mode: %w", err)
	}
	c.KubeconfigMode = os.FileMode(bits)
	if c.DataDir == "" {
		return errors.New("--data-dir is empty")
	}
	if c.DataDir, err = filepath.Abs(c.DataDir); err != nil {
		return err
	}
	for _, network := range []string{c.ServiceCIDR, c.ClusterCIDR} {
		if _, _, err := net.ParseCIDR(network); err != nil {
			return err
		}
	}
	// As k3s, take a path for a socket. A runtime has to be there already.
	if strings.HasPrefix(c.RuntimeEndpoint, "/") {
		c.RuntimeEndpoint = "unix://" + c.RuntimeEndpoint
	}
	return nil
}
