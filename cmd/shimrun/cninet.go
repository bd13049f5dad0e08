package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/ground"
	"github.com/shimrun/shimrun/internal/thread"
)

// cniResult is what a plugin prints when a pod is connected.
type cniResult struct {
	Version    string         `json:"cniVersion"`
	Interfaces []cniInterface `json:"interfaces"`
	IPs        []cniAddress   `json:"ips"`
}

type cniInterface struct {
	Name    string `json:"name"`
	Sandbox string `json:"sandbox"`
}

type cniAddress struct {
	// Version is "4" or "6", which was left out from 1.0.0 on.
	Version   string `json:"version,omitempty"`
	Interface int    `json:"interface"`
	Address   string `json:"address"`
}

// adapt gives the result the form of its version.
func (r *cniResult) adapt() {
	if !slices.Contains([]string{"0.3.0", "0.3.1", "0.4.0"}, r.Version) {
		for i := range r.IPs {
			r.IPs[i].Version = ""
		}
	}
}

// podNetwork is the network namespace of a pod.
type podNetwork struct {
	path string
	// shared tells that it is the machine's: there are no others, or none of use.
	shared bool
}

// pod looks at one by its file.
func pod(path string) (podNetwork, error) {
	if path == "" {
		return podNetwork{}, errors.New("CNI_NETNS names none")
	}
	var own, again, its unix.Stat_t
	if err := unix.Stat(path, &its); err != nil {
		return podNetwork{}, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	n := podNetwork{path: path}
	const file = "/proc/self/ns/net"
	if err := errors.Join(unix.Stat(file, &own), unix.Stat(file, &again)); err != nil {
		return podNetwork{}, fmt.Errorf("%s: %w", file, err)
	}
	// Old gVisor tells nobody's: its file is another one for each look at it. It has no
	// network that would be of use either.
	untold := own.Ino != again.Ino
	n.shared = untold || own.Dev == its.Dev && own.Ino == its.Ino
	return n, nil
}

// connect gives the pod what it can have.
func (n podNetwork) connect(loopback bool, name string) (*cniResult, error) {
	if !n.shared {
		if err := n.raise(); err != nil {
			return nil, err
		}
		if !loopback {
			return nil, errors.New("there is a network namespace and nothing to connect it with; set hostNetwork: true in the pod's specification, or use another plugin")
		}
	}
	address := netip.MustParsePrefix("127.0.0.1/8")
	if !loopback {
		own := machineAddress()
		address = netip.PrefixFrom(own, own.BitLen())
	}
	version := "4"
	if address.Addr().Is6() {
		version = "6"
	}
	return &cniResult{
		Interfaces: []cniInterface{{Name: name, Sandbox: n.path}},
		IPs:        []cniAddress{{Version: version, Address: address.String()}},
	}, nil
}

// raise brings up the loopback interface in the pod's namespace.
func (n podNetwork) raise() error {
	return thread.Run(func() error {
		fd, err := unix.Open(n.path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: n.path, Err: err}
		}
		defer unix.Close(fd)
		if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("%s: %w", n.path, os.NewSyscallError("setns", err))
		}
		return ground.RaiseLoopback()
	})
}

// machineAddress is the one that the machine uses to reach others; one of its own
// where it reaches none, and the loopback's if that is all there is.
func machineAddress() netip.Addr {
	// To connect a UDP socket sends nothing. The addresses are for documentation.
	for _, far := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		conn, err := net.Dial("udp", far)
		if err != nil {
			continue
		}
		own := conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap()
		conn.Close()
		if own.IsGlobalUnicast() {
			return own
		}
	}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			return prefix.Addr().Unmap()
		}
	}
	return netip.MustParseAddr("127.0.0.1")
}
