package procfs

import (
	"bytes"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/ground"
)

// Machine is the machine as this process sees it.
type Machine struct{ held *held }

// held are mounts that are not asked for again.
type held struct {
	mu        sync.Mutex
	mountinfo []byte
	released  bool
}

// Hold gives a machine whose mounts are read once until release is called: what
// is made of one profile at one time asks for them again and again.
func Hold() (m Machine, release func()) {
	h := &held{}
	return Machine{h}, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.mountinfo, h.released = nil, true
	}
}

// Mountinfo is this process's own.
func (m Machine) Mountinfo() ([]byte, error) {
	if m.held == nil {
		return ReadFile("/proc/self/mountinfo")
	}
	m.held.mu.Lock()
	defer m.held.mu.Unlock()
	if m.held.mountinfo != nil {
		return m.held.mountinfo, nil
	}
	mountinfo, err := ReadFile("/proc/self/mountinfo")
	if err == nil && !m.held.released {
		m.held.mountinfo = mountinfo
	}
	return mountinfo, err
}

// Lacks asks package ground.
func (Machine) Lacks(probe string) bool { return len(ground.Lacks(ground.Try(probe))) > 0 }

// Cgroups is /proc/cgroups; empty where the kernel has none.
func (Machine) Cgroups() ([]byte, error) {
	b, err := ReadFile("/proc/cgroups")
	if os.IsNotExist(err) {
		return nil, nil
	}
	return b, err
}

// CPUs counts the processors in /proc/stat.
func (Machine) CPUs() int { return cpus() }

var cpus = sync.OnceValue(func() int {
	b, _ := ReadFile("/proc/stat")
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
