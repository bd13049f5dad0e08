package ground

import (
	"os"

	"golang.org/x/sys/unix"
)

// netfilter asks for the kernel's packet filter: by netlink, which nft and the
// newer iptables use (the kernel loads its module at that), or by the table of
// older ones.
func netfilter() (string, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err == nil {
		return "", unix.Close(fd)
	}
	if _, missing := exist("/proc/net/ip_tables_names"); missing == nil {
		return "/proc/net/ip_tables_names", nil
	}
	return "", os.NewSyscallError("socket(NETLINK_NETFILTER)", err)
}
