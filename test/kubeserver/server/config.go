package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/shimrun/shimrun/test/kubeserver/hostip"
)

// Config is what a server can be told. Its fields are k3s's flags.
type Config struct {
	DataDir         string
	DisableAgent    bool
	BindAddress     net.IP
	HTTPSPort       int
	AdvertiseIP     net.IP
	NodeIP          net.IP
	NodeName        string
	NodeLabels      []string
	NodeTaints      []string
	TLSSANs         []string
	ServiceCIDR     string
	ClusterCIDR     string
	ClusterDNS      string
	ClusterDomain   string
	RuntimeEndpoint string
	RuntimeEnded    <-chan struct{} // the server ends when it is closed
	Containerd      string          // the socket, for cAdvisor; "" when it is none
	KubeletDir      string          // its root, below DataDir where it is ""
	Kubeconfig      string
	KubeconfigMode  os.FileMode
	Token           string
	Verbosity       int

	APIServerArgs         []string
	ControllerManagerArgs []string
	SchedulerArgs         []string
	KubeletArgs           []string
}

// complete fills in what depends on this machine.
func (c *Config) complete() error {
	dir, err := filepath.Abs(c.DataDir)
	if err != nil {
		return err
	}
	c.DataDir = dir
	if c.NodeName == "" {
		name, err := os.Hostname()
		if err != nil {
			return err
		}
		c.NodeName = name
	}
	c.NodeName = strings.ToLower(c.NodeName)
	if c.NodeIP == nil {
		c.NodeIP = hostip.Choose()
	}
	if c.AdvertiseIP == nil {
		c.AdvertiseIP = c.NodeIP
	}
	if c.HTTPSPort < 1 || c.HTTPSPort > 65535 {
		return fmt.Errorf("%d is no port", c.HTTPSPort)
	}
	if n := len(c.datastoreSocket()); n >= socketPathSize {
		return fmt.Errorf("the data directory's name is too long: %s would have %d bytes, sockets have less than %d",
			c.datastoreSocket(), n, socketPathSize)
	}
	if c.KubeletDir == "" {
		c.KubeletDir = filepath.Join(c.DataDir, "agent/kubelet")
	}
	if !c.DisableAgent && c.RuntimeEndpoint == "" {
		return errors.New("the agent needs --container-runtime-endpoint")
	}
	return nil
}

// socketPathSize is the size of sun_path in unix(7).
const socketPathSize = 108

func (c *Config) tlsDir() string          { return filepath.Join(c.DataDir, "server/tls") }
func (c *Config) credDir() string         { return filepath.Join(c.DataDir, "server/cred") }
func (c *Config) datastoreDir() string    { return filepath.Join(c.DataDir, "server/db") }
func (c *Config) datastoreSocket() string { return filepath.Join(c.DataDir, "server/kine.sock") }
func (c *Config) tokenFile() string       { return filepath.Join(c.DataDir, "server/token") }
func (c *Config) agentEtcDir() string     { return filepath.Join(c.DataDir, "agent/etc") }
func (c *Config) volumePluginDir() string { return filepath.Join(c.DataDir, "agent/volumeplugins") }
func (c *Config) kubeletConfigFile() string {
	return filepath.Join(c.agentEtcDir(), "kubelet.yaml")
}

// kubeconfigFile is the component's own kubeconfig.
func (c *Config) kubeconfigFile(component string) string {
	return filepath.Join(c.credDir(), component+".kubeconfig")
}

// url is where clients on this machine find the API server.
func (c *Config) url() string {
	host := "127.0.0.1"
	switch {
	case c.BindAddress == nil:
	case !c.BindAddress.IsUnspecified():
		host = c.BindAddress.String()
	case c.BindAddress.To4() == nil:
		host = "::1"
	}
	return "https://" + net.JoinHostPort(host, fmt.Sprint(c.HTTPSPort))
}
