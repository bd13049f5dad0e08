package server

import (
	"context"
	"fmt"
	"strconv"

	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"

	"github.com/shimrun/shimrun/test/kubeserver/arguments"
)

func apiserverArguments(c *Config, creds *credentials) arguments.Set {
	args := arguments.Set{
		"advertise-address":                  {c.AdvertiseIP.String()},
		"allow-privileged":                   {"true"},
		"authorization-mode":                 {"Node,RBAC"},
		"client-ca-file":                     {creds.ca},
		"enable-admission-plugins":           {"NodeRestriction"},
		"enable-aggregator-routing":          {"true"}, // to the endpoints of a service: nobody makes its address lead there
		"etcd-servers":                       {"unix://" + c.datastoreSocket()},
		"kubelet-certificate-authority":      {creds.ca},
		"kubelet-client-certificate":         {creds.apiToKubelet.Cert},
		"kubelet-client-key":                 {creds.apiToKubelet.Key},
		"kubelet-preferred-address-types":    {"InternalIP,ExternalIP,Hostname"},
		"proxy-client-cert-file":             {creds.proxy.Cert},
		"proxy-client-key-file":              {creds.proxy.Key},
		"requestheader-allowed-names":        {proxyUser},
		"requestheader-client-ca-file":       {creds.proxyCA},
		"requestheader-extra-headers-prefix": {"X-Remote-Extra-"},
		"requestheader-group-headers":        {"X-Remote-Group"},
		"requestheader-username-headers":     {"X-Remote-User"},
		"secure-port":                        {strconv.Itoa(c.HTTPSPort)},
		"service-account-issuer":             {"https://kubernetes.default.svc." + c.ClusterDomain},
		"service-account-key-file":           {creds.serviceAccount.Cert},
		"service-account-signing-key-file":   {creds.serviceAccount.Key},
		"service-cluster-ip-range":           {c.ServiceCIDR},
		"tls-cert-file":                      {creds.apiserver.Cert},
		"tls-private-key-file":               {creds.apiserver.Key},
		"v":                                  {strconv.Itoa(c.Verbosity)},
	}
	if c.BindAddress != nil {
		args["bind-address"] = []string{c.BindAddress.String()}
	}
	if c.AdvertiseIP.IsLoopback() {
		// The endpoints of the service "kubernetes" may not lie there.
		args["endpoint-reconciler-type"] = []string{"none"}
	}
	return args
}

// newAPIServer returns the API server, ready to be run.
func newAPIServer(ctx context.Context, c *Config, creds *credentials) (func(context.Context) error, error) {
	const name = "kube-apiserver"
	opts := options.NewServerRunOptions()
	if err := parse(name, opts.Flags(), apiserverArguments(c, creds), c.APIServerArgs); err != nil {
		return nil, err
	}
	registry := opts.GenericServerRunOptions.ComponentGlobalsRegistry
	if err := registry.Set(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := logsapi.ValidateAndApply(opts.Logs, registry.FeatureGateFor("kube")); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	completed, err := opts.Complete(ctx)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if errs := completed.Validate(); len(errs) != 0 {
		return nil, fmt.Errorf("%s: %w", name, utilerrors.NewAggregate(errs))
	}
	return func(ctx context.Context) error { return app.Run(ctx, completed) }, nil
}
