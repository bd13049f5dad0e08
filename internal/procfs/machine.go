package procfs

import (
	"bytes"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Machine is the machine as this process sees it.
type Machine struct{}

// Mountinfo is this process's own.
func (Machine) Mountinfo() ([]byte, error) { return os.ReadFile("/proc/self/mountinfo") }

// Cgroups is /proc/cgroups; empty where the kernel has none.
func (Machine) Cgroups() ([]byte, error) {
	b, err := os.ReadFile("/proc/cgroups")
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}

// CPUs counts the processors in /proc/stat.
func (Machine) CPUs() int { return cpus() }

var cpus = sync.OnceValue(func() int {
	b, _ := os.ReadFile("/proc/stat")
	n := 0
	for line := range bytes.Lines(b) {
		if len(line) > 3 && bytes.HasPrefix(line, []byte("cpu")) && line[3] >= '0' && line[3] <= '9' {
			n++
		}
	}
	return max(n, 1)
})

// Memory is the size of the machine's memory in bytes (sysinfo(2)).
func (Machine) Memory() uint64 { return memory() }

var memory = sync.OnceValue(func() uint64 {
	var si unix.Sysinfo_t
	if unix.Sysinfo(&si) != nil {
		return 0
	}
	return uint64(si.Totalram) * uint64(max(si.Unit, 1))
})
