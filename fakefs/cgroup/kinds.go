package cgroup

// kinds are the controllers of cgroup v1, each with its own table of files
// besides those that every group has.
var kinds = map[string]*kind{
	"cpu":     {name: "cpu", files: cpuFiles, fresh: freshCPU},
	"cpuacct": {name: "cpuacct", files: cpuacctFiles},
	"cpuset":  {name: "cpuset", files: cpusetFiles, fresh: freshCpuset, attach: attachCpuset},
	"memory":  {name: "memory", files: memoryFiles, fresh: freshMemory},
	"devices": {name: "devices", files: devicesFiles, fresh: freshDevices},
	"freezer": {name: "freezer", files: freezerFiles, fresh: freshFreezer},
	"pids":    {name: "pids", files: pidsFiles, fresh: freshPids},
}

// unifiedKinds are those of cgroup v2, in the kernel's order (cgroup_subsys.h).
var unifiedKinds = []*kind{
	{name: "cpuset", files: cpusetUnifiedFiles, fresh: freshCpusetUnified, threaded: true},
	{name: "cpu", files: cpuUnifiedFiles, fresh: freshCPU, threaded: true},
	{name: "io", files: ioFiles, fresh: freshIO},
	{name: "memory", files: memoryUnifiedFiles, fresh: freshMemoryUnified},
	{name: "hugetlb", files: hugetlbFiles, fresh: freshHugetlb},
	{name: "pids", files: pidsUnifiedFiles, fresh: freshPids, threaded: true},
	{name: "misc", files: miscFiles},
}

// unserved are controllers that a kernel knows by name and that are never listed:
// to enable one of those is ENOENT, and not EINVAL.
var unserved = []string{"perf_event"}
