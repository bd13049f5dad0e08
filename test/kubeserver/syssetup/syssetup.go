// Package syssetup does to a machine what k3s does before it starts a kubelet:
// modules are loaded and sysctls set, where that can be done, and control groups
// are asked for, without which it ends.
package syssetup

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
	"k8s.io/klog/v2"
)

// modules are those of k3s; what is built in has a folder in /sys/module too.
var modules = []string{
	"overlay", "nf_conntrack", "br_netfilter", "iptable_nat", "iptable_filter",
	"nft-expr-counter", "nfnetlink-subsys-11", "nft-chain-2-nat",
}

// sysctls are those of k3s where kube-proxy is off: its own are kube-proxy's.
var sysctls = []string{
	"net/ipv4/conf/all/forwarding", "net/ipv4/conf/default/forwarding",
	"net/ipv6/conf/all/forwarding", "net/ipv6/conf/default/forwarding",
	"net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables",
	"net/core/devconf_inherit_init_net",
}

// Configure says in the log what could not be done, and goes on.
func Configure() {
	for _, module := range modules {
		if _, err := os.Stat("/sys/module/" + module); err == nil {
			continue
		}
		if out, err := exec.Command("modprobe", "--", module).CombinedOutput(); err != nil {
			klog.InfoS("Failed to load a kernel module with modprobe", "module", module, "err", err, "output", strings.TrimSpace(string(out)))
		}
	}
	for _, name := range sysctls {
		if err := set(name, "1"); err != nil {
			klog.InfoS("Failed to set a sysctl", "sysctl", name, "err", err)
		}
	}
}

func set(name, value string) error {
	path := filepath.Join("/proc/sys", name)
	old, err := os.ReadFile(path)
	if err != nil || strings.TrimSpace(string(old)) == value {
		return err
	}
	return os.WriteFile(path, []byte(value), 0o640)
}

// cgroup2 is CGROUP2_SUPER_MAGIC of statfs(2).
const cgroup2 = 0x63677270

// CheckCgroups looks for the controllers that a kubelet cannot do without.
func CheckCgroups() error {
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup", &fs); err != nil {
		return fmt.Errorf("/sys/fs/cgroup: %w", err)
	}
	var have []string
	if fs.Type == cgroup2 {
		text, err := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		if err != nil {
			return err
		}
		have = strings.Fields(string(text))
	} else {
		text, err := os.ReadFile("/proc/self/cgroup")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			if _, rest, ok := strings.Cut(line, ":"); ok {
				names, _, _ := strings.Cut(rest, ":")
				have = append(have, strings.Split(names, ",")...)
			}
		}
	}
	var errs []error
	for _, controller := range []string{"memory", "cpuset", "cpu", "pids"} {
		if !slices.Contains(have, controller) {
			errs = append(errs, fmt.Errorf("failed to find %s cgroup", controller))
		}
	}
	return errors.Join(errs...)
}
