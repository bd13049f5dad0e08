package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/klog/v2"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"sigs.k8s.io/yaml"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
	"github.com/shimrun/shimrun/test/kubeserver/hostip"
)

// kubeletConfig says where things are, and who may ask. What kubelet does by
// default stays as it is: nothing here makes its life in a sandbox easier.
func kubeletConfig(c *Config, creds *credentials) (*kubeletconfig.KubeletConfiguration, error) {
	resolv, err := resolvConf(c)
	if err != nil {
		return nil, err
	}
	dns := c.ClusterDNS
	if dns == "" {
		ip, err := hostip.In(c.ServiceCIDR, 10)
		if err != nil {
			return nil, fmt.Errorf("service network: %w", err)
		}
		dns = ip.String()
	}
	config := &kubeletconfig.KubeletConfiguration{
		TypeMeta: metav1.TypeMeta{
			APIVersion: kubeletconfig.SchemeGroupVersion.String(),
			Kind:       "KubeletConfiguration",
		},
		CgroupDriver:             "cgroupfs",
		ClusterDNS:               []string{dns},
		ClusterDomain:            c.ClusterDomain,
		ContainerRuntimeEndpoint: c.RuntimeEndpoint,
		// From 1.35 on a kubelet refuses cgroup v1 otherwise, which old gVisors have.
		FailCgroupV1:      new(bool),
		ResolverConfig:    &resolv,
		TLSCertFile:       creds.kubelet.Cert,
		TLSPrivateKeyFile: creds.kubelet.Key,
		VolumePluginDir:   c.volumePluginDir(),
	}
	config.Authentication.X509.ClientCAFile = creds.ca
	for _, taint := range c.NodeTaints {
		t, err := parseTaint(taint)
		if err != nil {
			return nil, err
		}
		config.RegisterWithTaints = append(config.RegisterWithTaints, t)
	}
	return config, nil
}

// parseTaint reads KEY=VALUE:EFFECT or KEY:EFFECT.
func parseTaint(text string) (corev1.Taint, error) {
	pair, effect, ok := strings.Cut(text, ":")
	key, value, _ := strings.Cut(pair, "=")
	if !ok || key == "" || effect == "" {
		return corev1.Taint{}, fmt.Errorf("%q is no taint; write KEY=VALUE:EFFECT", text)
	}
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}, nil
}

// kubeletArguments are what has no place in a configuration file.
func kubeletArguments(c *Config) arguments.Set {
	args := arguments.Set{
		"cert-dir":          {filepath.Join(c.KubeletDir, "pki")},
		"config":            {c.kubeletConfigFile()},
		"hostname-override": {c.NodeName},
		"kubeconfig":        {c.kubeconfigFile(kubeletUser)},
		"root-dir":          {c.KubeletDir},
		"v":                 {strconv.Itoa(c.Verbosity)},
	}
	if c.Containerd != "" {
		tellCadvisor(args, c.Containerd)
	}
	if c.NodeIP.IsLoopback() {
		klog.InfoS("This machine has only its loopback address, which kubelet does not take: the node will have none, " +
			"and logs and exec will fail. Give the machine an address, or name one with --node-ip")
	} else {
		args["node-ip"] = []string{c.NodeIP.String()}
	}
	if len(c.NodeLabels) > 0 {
		args["node-labels"] = []string{strings.Join(c.NodeLabels, ",")}
	}
	return args
}

// resolvConf is a file that is there. Kubelet starts no pod without one, and a
// minimal root has none; k3s makes one up as well.
func resolvConf(c *Config) (string, error) {
	const system = "/etc/resolv.conf"
	_, err := os.Stat(system)
	if !errors.Is(err, fs.ErrNotExist) {
		return system, nil
	}
	path := filepath.Join(c.agentEtcDir(), "resolv.conf")
	return path, os.WriteFile(path, []byte("# there is no "+system+"\n"), 0o644)
}

// newKubelet returns the kubelet, ready to be run once there is an API server.
// Its command reads signals itself, and so it ends with them and not with a
// context: see shutdownKubelet.
func newKubelet(c *Config, creds *credentials) (func(context.Context) error, error) {
	for _, dir := range []string{c.KubeletDir, c.agentEtcDir()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	config, err := kubeletConfig(c, creds)
	if err != nil {
		return nil, err
	}
	data, err := yaml.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(c.kubeletConfigFile(), data, 0o600); err != nil {
		return nil, err
	}
	args := kubeletArguments(c)
	if err := args.Merge(c.KubeletArgs); err != nil {
		return nil, fmt.Errorf("kubelet: %w", err)
	}
	return func(ctx context.Context) error {
		command := app.NewKubeletCommand(ctx)
		command.SetArgs(args.List())
		command.SilenceErrors = true
		return command.ExecuteContext(ctx)
	}, nil
}
