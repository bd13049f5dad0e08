// Package hostip knows addresses: the one that a machine is known by, and those
// of services.
package hostip

import (
	"net"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/klog/v2"
)

// Choose is the address that upstream would choose, from the default route. A
// machine without one may still have an address; one that has only its loopback
// can carry a control plane, but no node.
func Choose() net.IP {
	ip, err := utilnet.ChooseHostInterface()
	if err == nil {
		return ip
	}
	klog.InfoS("There is no default route to choose this machine's address by", "err", err)
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		klog.ErrorS(err, "There are no addresses to choose this machine's from")
	}
	for _, addr := range addrs {
		if network, ok := addr.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			return network.IP
		}
	}
	return net.IPv4(127, 0, 0, 1)
}

// In returns the n-th address of a network, as Kubernetes numbers its well-known
// services.
func In(cidr string, n byte) (net.IP, error) {
	_, network, err := net.ParseCIDR(cidr)
	if err != nil {
		return nil, err
	}
	ip := append(net.IP(nil), network.IP...)
	for i := len(ip) - 1; i >= 0 && n > 0; i-- {
		sum := uint16(ip[i]) + uint16(n)
		ip[i], n = byte(sum), byte(sum>>8)
	}
	return ip, nil
}
