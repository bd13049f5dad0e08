package ground

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// exist tells whether all files are there; a missing one is named.
func exist(names ...string) (string, error) {
	var missing []string
	for _, name := range names {
		if err := unix.Access(name, unix.F_OK); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("missing: %s", strings.Join(missing, ", "))
	}
	return "", nil
}

// kmsg tells whether the kernel's log is there, though not whether it may be read.
func kmsg() (string, error) { return exist("/dev/kmsg") }

// kubeletSysctls are those that the kubelet refuses to start without.
func kubeletSysctls() (string, error) {
	return exist(
		"/proc/sys/vm/overcommit_memory", "/proc/sys/vm/panic_on_oom",
		"/proc/sys/kernel/panic", "/proc/sys/kernel/panic_on_oops",
		"/proc/sys/kernel/keys/root_maxkeys", "/proc/sys/kernel/keys/root_maxbytes",
	)
}

func blockDevices() (string, error) {
	return exist("/proc/diskstats", "/proc/partitions", "/sys/block", "/sys/dev/block")
}

// readText is a small file without its last line end.
func readText(name string) (string, error) {
	text, err := os.ReadFile(name)
	return strings.TrimSuffix(string(text), "\n"), err
}

// yama is the scope to which Yama restricts ptrace.
func yama() (string, error) {
	scope, err := readText("/proc/sys/kernel/yama/ptrace_scope")
	if err != nil {
		// No Yama, no restriction.
		return "no Yama", nil
	}
	if scope == "3" {
		return "", fmt.Errorf("kernel.yama.ptrace_scope is 3: nobody may trace, until the next boot")
	}
	return "kernel.yama.ptrace_scope is " + scope, nil
}
