package cgroup

import "slices"

// kinds are the controllers, each with its own table of files and those that
// every group has.
var kinds = map[string]*kind{
	"cpu":     {files: slices.Concat(coreFiles, cpuFiles), fresh: freshCPU},
	"cpuacct": {files: slices.Concat(coreFiles, cpuacctFiles)},
	"cpuset":  {files: slices.Concat(coreFiles, cpusetFiles), fresh: freshCpuset, attach: attachCpuset},
	"memory":  {files: slices.Concat(coreFiles, memoryFiles), fresh: freshMemory},
	"devices": {files: slices.Concat(coreFiles, devicesFiles), fresh: freshDevices},
	"freezer": {files: slices.Concat(coreFiles, freezerFiles), fresh: freshFreezer},
	"pids":    {files: slices.Concat(coreFiles, pidsFiles), fresh: freshPids},
}
