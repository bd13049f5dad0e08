package fakefs

import (
	"bytes"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// machineFiles are the real files that generators look at.
var machineFiles = map[string]string{
	"/proc/stat":                "cpu  1 2 3\ncpu0 1 2 3\ncpu1 1 2 3\ncpu2 1 2 3\nintr 5\nbtime 1700000000\n",
	"/proc/cpuinfo":             "processor\t: 0\ncpu MHz\t\t: 2299.998\n",
	"/proc/meminfo":             "MemTotal:       16000000 kB\nMemFree:         6000000 kB\nMemAvailable:   12000000 kB\nBuffers:               1 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\nHugePages_Total:       0\n",
	"/proc/self/mountinfo":      "17 16 0:16 / /sys/fs/cgroup/cpu rw  - cgroup none rw,cpu\n18 16 0:17 / /sys/fs/cgroup/both rw - cgroup none rw,memory,pids\n",
	"/proc/1/mountinfo":         gvisorMounts,
	"/proc/1/mounts":            "none / 9p rw 0 0\n",
	"/proc/1/mountstats":        "device none mounted on / with fstype 9p\n",
	"/proc/1/cgroup":            "3:cpu:/\n",
	"/proc/version":             "Linux version 4.4.0 #1 SMP Sun Jan 10 15:06:54 PST 2016\n",
	"/cg/cpuacct.usage":         "1000000001\n",
	"/cg/cpuacct.usage_user":    "700\n",
	"/cg/cpuacct.usage_sys":     "300\n",
	"/cg/memory.usage_in_bytes": "4096\n",
}

func TestGenerators(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"9p"}})
	tree.profile.Memory = Memory{Total: 8 << 30, Swap: 1 << 30}
	for name, c := range map[string]struct{ file, want string }{
		"usage_percpu":     {"/cg/cpuacct.usage_percpu", "333333334 333333334 333333333 \n"},
		"usage_all":        {"/cg/cpuacct.usage_all", "cpu user system\n0 234 100\n1 233 100\n2 233 100\n"},
		"cpu_stat":         {"/cg/cpu.stat", "nr_periods 0\nnr_throttled 0\nthrottled_time 0\n"},
		"memory_max_usage": {"/cg/memory.max_usage_in_bytes", "4096\n"},
		"memory_stat":      {"/cg/memory.stat", "cache 0\nrss 4096\n…"},
		"cgroups":          {"/proc/cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t1\t1\t1\nmemory\t2\t1\t1\npids\t2\t1\t1\n"},
		"process_cgroups":  {"/proc/1/cgroup", "3:cpu:/\n"},
		"cpu_online":       {"/sys/devices/system/cpu/online", "0-2\n"},
		"cpu_core_id":      {"/sys/devices/system/cpu/cpu12/topology/core_id", "12\n"},
		"cpu_siblings":     {"/sys/devices/system/cpu/cpu2/topology/thread_siblings_list", "2\n"},
		"cpu_package":      {"/x", "0\n"},
		"cpu_frequency":    {"/x", "2299998\n"},
		"swaps":            {"/proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"},
		"meminfo":          {"/proc/meminfo", "MemTotal:        8388608 kB\nMemFree:           83886 kB\nMemAvailable:    4388608 kB\nBuffers:               1 kB\nSwapTotal:       1048576 kB\nSwapFree:        1048576 kB\nHugePages_Total:       0\n"},
		"vmstat":           {"/proc/vmstat", "nr_free_pages 1500000\n…"},
		"version":          {"/proc/version", "Linux version …"},
		"devices":          {"/proc/devices", "Character devices:\n…"},
		"modules":          {"/proc/modules", ""},
		"machine_id":       {"/etc/machine-id", "…"},
		"product_uuid":     {"/x", "…"},
		"host_name":        {"/x", hostOf(t) + "\n"},
		"domain_name":      {"/x", "…"},
		"shimrun":          {"/x", "\x7fELF…"},
		"mountinfo":        {"/proc/1/mountinfo", "8 8 0:8 / / rw  - ext4 /dev/shim8 rw,relatime\n…"},
		"mounts":           {"/proc/1/mounts", "/dev/shim8 / ext4 rw,relatime 0 0\n"},
		"mountstats":       {"/proc/1/mountstats", "device /dev/shim8 mounted on / with fstype ext4\n"},
		"filesystems":      {"/proc/filesystems", "\text4\n"},
		"partitions":       {"/proc/partitions", partitionsHeader},
		"diskstats":        {"/proc/diskstats", ""},
	} {
		g := &generated{tree: tree, name: c.file, generator: generators[name]}
		got, err := g.Read(fakeView{name: c.file, files: machineFiles})
		start, open := strings.CutSuffix(c.want, "…")
		if err != nil || !open && string(got) != c.want || !strings.HasPrefix(string(got), start) {
			t.Errorf("%s: got %q, %v; want %q", name, got, err, c.want)
		}
		again, err := g.Read(fakeView{name: c.file, files: machineFiles})
		if err != nil || !bytes.Equal(got, again) {
			t.Errorf("%s: %q, then %q, %v", name, got, again, err)
		}
		if _, err := g.Read(fakeView{name: c.file}); err == nil && needsFiles[name] {
			t.Errorf("%s: no error without the real files", name)
		}
		if tells := Generators()[name]; tells == "" {
			t.Errorf("%s: does not say what it tells", name)
		}
	}
	if n := len(slices.Collect(maps.Keys(generators))); n != 29 {
		t.Errorf("%d generators: this test knows 29", n)
	}
}

func hostOf(t *testing.T) string {
	t.Helper()
	name, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// needsFiles are generators that have nothing to say where the real file is missing.
var needsFiles = map[string]bool{"usage_percpu": true, "usage_all": true, "memory_stat": true, "mountinfo": true, "mounts": true, "meminfo": true}

func FuzzMeminfo(f *testing.F) {
	f.Add([]byte(machineFiles["/proc/meminfo"]), uint64(8<<30), uint64(1<<30))
	f.Fuzz(func(t *testing.T, meminfo []byte, total, swap uint64) {
		told := Memory{Total: total, Swap: swap}.appendMeminfo(nil, meminfo)
		if bytes.Count(told, []byte("\n")) != bytes.Count(meminfo, []byte("\n")) {
			t.Fatalf("lines: %q became %q", meminfo, told)
		}
	})
}
