package ground

import "strings"

// Facts are all that shimrun knows to ask, those that cost least first. A
// profile's match section names them, and means the machines that answer No.
var Facts = []Fact{
	{"statx-no-automount", "statx(2) takes AT_NO_AUTOMOUNT; ls and stat need it", statxNoAutomount},
	{"statfs-enosys", "statfs(2) answers for files of procfs and cgroups", statfsFiles},
	{"rootfs-9p", "/ is on something else than 9p", rootIsNot9P},
	{"kmsg", "/dev/kmsg is there", kmsg},
	{"kubelet-sysctls", "the sysctls that the kubelet writes are there", kubeletSysctls},
	{"block-devices", "procfs and sysfs list block devices", blockDevices},
	{"openat2", "openat2(2)", openat2},
	{"process-vm-readv", "memory of others by process_vm_readv(2)", processVMRead},
	{"proc-mem-read", "memory of others by reading /proc/PID/mem", procMemRead},
	{"proc-mem-write", "memory of others by writing /proc/PID/mem", procMemWrite},
	{"pidfd-getfd", "descriptors of others by pidfd_getfd(2)", pidfdGetfd},
	{"io-uring", "io_uring(7)", ioUring},
	{"ptrace-scope", "Yama lets a parent trace its children", yama},
	{"child-subreaper", "a process can take in the orphans of its children, as containerd's shims do", subreaper},
	{"proc-root", "the root of /proc is inode 1, as runc wants it", procRoot},
	{"network-namespace", "a process can have a network of its own, with a loopback", separateNetwork},
	{"uts-namespace", "a process can have a host name of its own", separateName},
	{"netfilter", "packet filters, which kube-proxy and network policies need", netfilter},
	{"mount", "/proc/sys can be covered by a mount", coverProc},
	{"mount-namespace", "mounts can be kept to some processes", separateMounts},
	{"mount-propagation", "mounts can be made shared, as the kubelet wants", shareMounts},
}

// find returns the fact with a name: one of [Facts], "sysctl:NAME" for a file
// below /proc/sys, or "file:PATH".
func find(name string) (Fact, bool) {
	if sysctl, ok := strings.CutPrefix(name, "sysctl:"); ok {
		if !strings.Contains(sysctl, "/") {
			sysctl = strings.ReplaceAll(sysctl, ".", "/")
		}
		return fileFact(name, "/proc/sys/"+sysctl), true
	}
	if path, ok := strings.CutPrefix(name, "file:"); ok {
		return fileFact(name, path), true
	}
	for _, fact := range Facts {
		if fact.Name == name {
			return fact, true
		}
	}
	return Fact{}, false
}

func fileFact(name, path string) Fact {
	return Fact{name, path + " is there", func() (string, error) { return exist(path) }}
}
