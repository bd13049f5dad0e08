package main

import (
	"os"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Kernel is what the system calls say of a directory, asked before cAdvisor
// is, and with nothing between.
type Kernel struct {
	Stat   Stat   `json:"stat"`
	Statfs Statfs `json:"statfs"`
	Mount  *Mount `json:"mount,omitempty"`
}

// Stat holds the device number, by which cAdvisor finds the partition.
type Stat struct {
	Error string `json:"error,omitempty"`
	Major uint32 `json:"major"`
	Minor uint32 `json:"minor"`
}

// Statfs holds the numbers as they came. Beware that cAdvisor multiplies with
// Frsize, not with Bsize.
type Statfs struct {
	Error  string `json:"error,omitempty"`
	Type   int64  `json:"f_type"`
	Bsize  int64  `json:"bsize"`
	Frsize int64  `json:"frsize"`
	Blocks uint64 `json:"blocks"`
	Bfree  uint64 `json:"bfree"`
	Bavail uint64 `json:"bavail"`
	Files  uint64 `json:"files"`
	Ffree  uint64 `json:"ffree"`
}

// Mount is the line of /proc/self/mountinfo that the directory lies under, in
// the eyes of the parser that cAdvisor uses.
type Mount struct {
	Error      string `json:"error,omitempty"`
	Mountpoint string `json:"mountpoint"`
	FSType     string `json:"fsType"`
	Source     string `json:"source"`
	Major      int    `json:"major"`
	Minor      int    `json:"minor"`
}

func look(dir string) Kernel {
	return Kernel{Stat: stat(dir), Statfs: statfs(dir), Mount: mount(dir)}
}

func stat(dir string) Stat {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return Stat{Error: err.Error()}
	}
	return Stat{Major: unix.Major(st.Dev), Minor: unix.Minor(st.Dev)}
}

func statfs(dir string) Statfs {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Statfs{Error: err.Error()}
	}
	return Statfs{
		Type: st.Type, Bsize: st.Bsize, Frsize: st.Frsize,
		Blocks: st.Blocks, Bfree: st.Bfree, Bavail: st.Bavail,
		Files: st.Files, Ffree: st.Ffree,
	}
}

// mount takes the longest mount point above dir, and of several mounts on the
// same point the last, which is the one that can be seen.
func mount(dir string) *Mount {
	// cAdvisor's fs.go reads this very name. The parser's own GetMounts, which
	// the cgroup code calls, would read /proc/thread-self/mountinfo.
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return &Mount{Error: err.Error()}
	}
	defer f.Close()
	infos, err := mountinfo.GetMountsFromReader(f, nil)
	if err != nil {
		return &Mount{Error: err.Error()}
	}
	var best *mountinfo.Info
	for _, m := range infos {
		if under(dir, m.Mountpoint) && (best == nil || len(m.Mountpoint) >= len(best.Mountpoint)) {
			best = m
		}
	}
	if best == nil {
		return &Mount{Error: "no mount"}
	}
	return &Mount{
		Mountpoint: best.Mountpoint, FSType: best.FSType, Source: best.Source,
		Major: best.Major, Minor: best.Minor,
	}
}

func under(dir, mountpoint string) bool {
	return dir == mountpoint || strings.HasPrefix(dir, strings.TrimSuffix(mountpoint, "/")+"/")
}
