package server

import (
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/shimrun/shimrun/test/kubeserver/hostip"
	"github.com/shimrun/shimrun/test/kubeserver/pki"
)

// credentials are the files by which the components know each other.
type credentials struct {
	ca, caKey      string
	serviceAccount pki.Pair // public key, private key
	apiserver      pki.Pair
	apiToKubelet   pki.Pair
	kubelet        pki.Pair

	// An authority apart, for those who may say who a request is from.
	proxyCA string
	proxy   pki.Pair
}

const (
	adminUser      = "admin"
	controllerUser = "controller-manager"
	schedulerUser  = "scheduler"
	kubeletUser    = "kubelet"
	proxyUser      = "system:auth-proxy"
)

// identity is a user that has a kubeconfig.
type identity struct {
	component, user string
	groups          []string
}

func newCredentials(c *Config) (*credentials, error) {
	authority, err := pki.Open(c.tlsDir())
	if err != nil {
		return nil, err
	}
	creds := &credentials{ca: authority.CA(), caKey: authority.CAKey()}
	if creds.serviceAccount, err = authority.SigningKey("service-account"); err != nil {
		return nil, err
	}
	service, err := hostip.In(c.ServiceCIDR, 1)
	if err != nil {
		return nil, fmt.Errorf("service network: %w", err)
	}
	hosts := append([]string{
		"localhost", "127.0.0.1", "::1", c.NodeName, c.NodeIP.String(), c.AdvertiseIP.String(), service.String(),
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + c.ClusterDomain,
	}, c.TLSSANs...)
	if c.BindAddress != nil && !c.BindAddress.IsUnspecified() {
		hosts = append(hosts, c.BindAddress.String())
	}
	if creds.apiserver, err = authority.Server("kube-apiserver", "kube-apiserver", hosts...); err != nil {
		return nil, err
	}
	creds.apiToKubelet, err = authority.Client("kube-apiserver-kubelet", "kube-apiserver", "system:masters")
	if err != nil {
		return nil, err
	}
	node := "system:node:" + c.NodeName
	creds.kubelet, err = authority.Server(kubeletUser, node, "127.0.0.1", "localhost", c.NodeName, c.NodeIP.String())
	if err != nil {
		return nil, err
	}
	proxyAuthority, err := pki.Open(filepath.Join(c.tlsDir(), "request-header"))
	if err != nil {
		return nil, err
	}
	creds.proxyCA = proxyAuthority.CA()
	if creds.proxy, err = proxyAuthority.Client("client-proxy", proxyUser); err != nil {
		return nil, err
	}
	identities := []identity{
		{adminUser, "system:admin", []string{"system:masters"}},
		{controllerUser, "system:kube-controller-manager", nil},
		{schedulerUser, "system:kube-scheduler", nil},
		{kubeletUser, node, []string{"system:nodes"}},
	}
	if err := os.MkdirAll(c.credDir(), 0o700); err != nil {
		return nil, err
	}
	for _, id := range identities {
		pair, err := authority.Client("client-"+id.component, id.user, id.groups...)
		if err != nil {
			return nil, err
		}
		if err := writeKubeconfig(c.kubeconfigFile(id.component), 0o600, c.url(), creds.ca, pair); err != nil {
			return nil, fmt.Errorf("kubeconfig of %s: %w", id.component, err)
		}
	}
	return creds, nil
}

// writeKubeconfig writes one that can be copied away: it holds the certificates
// themselves.
func writeKubeconfig(path string, mode os.FileMode, server, ca string, client pki.Pair) error {
	const name = "default" // as k3s has it
	cluster := clientcmdapi.NewCluster()
	cluster.Server = server
	user := clientcmdapi.NewAuthInfo()
	for _, part := range []struct {
		file string
		data *[]byte
	}{
		{ca, &cluster.CertificateAuthorityData},
		{client.Cert, &user.ClientCertificateData},
		{client.Key, &user.ClientKeyData},
	} {
		data, err := os.ReadFile(part.file)
		if err != nil {
			return err
		}
		*part.data = data
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[name] = cluster
	config.AuthInfos[name] = user
	config.Contexts[name] = &clientcmdapi.Context{Cluster: name, AuthInfo: name}
	config.CurrentContext = name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return err
	}
	return os.Chmod(path, mode) // WriteToFile keeps that of a file that is there
}

// publishKubeconfig copies the administrator's to where the user wants it.
func publishKubeconfig(c *Config) error {
	if c.Kubeconfig == "" {
		return nil
	}
	config, err := clientcmd.LoadFromFile(c.kubeconfigFile(adminUser))
	if err == nil {
		err = clientcmd.WriteToFile(*config, c.Kubeconfig)
	}
	if err == nil {
		err = os.Chmod(c.Kubeconfig, c.KubeconfigMode)
	}
	if err != nil {
		return fmt.Errorf("kubeconfig: %w", err)
	}
	return nil
}
