package fakefs

import (
	"errors"
	"io/fs"
	"maps"
	"slices"

	"golang.org/x/sys/unix"
)

// generator makes the content of a file from the real machine, anew for each
// reader.
type generator struct {
	// tells says in words what it makes, for doctor.
	tells string
	make  func(g *generated, v View) ([]byte, error)
}

// generators are what a profile can name after "generate:".
var generators map[string]generator

// Filled by init because some generators lead back to the tree.
func init() {
	generators = map[string]generator{
		"mountinfo":       {"mounts with the declared types and sources", mountinfoFile},
		"mounts":          {"mounts with the declared types and sources", mountsFile},
		"mountstats":      {"mounts with the declared types and sources", mountstatsFile},
		"filesystems":     {"the declared types as known to the kernel", filesystemsFile},
		"partitions":      {"a partition for each mount with a declared source", partitionsFile},
		"diskstats":       {"an idle disk for each mount with a declared source", diskstatsFile},
		"devices":         {"the kernel's list of device majors", fixed(devicesText)},
		"swaps":           {"no swap areas", fixed("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n")},
		"cgroups":         {"the controllers that are mounted", cgroupsFile},
		"process_cgroups": {"the groups of a process that are served, before the kernel's", processCgroups},
		"version":         {"what uname(2) tells, as a banner", versionFile},
		"meminfo":         {"the declared size of memory", meminfoFile},
		"vmstat":          {"the counters of memory that readers look for", vmstatFile},
		"modules":         {"no modules", fixed("")},

		"host_name":   {"the host name of the reader's UTS namespace", hostName},
		"domain_name": {"the domain name of the reader's UTS namespace", domainName},

		itself: {"this shimrun, which can be executed", itselfFile},

		"machine_id":   {"an id made from the boot id and host name", machineID},
		"product_uuid": {"an id made from the boot id and host name", productUUID},

		"usage_percpu":     {"cpuacct.usage, split over the processors", usagePercpu},
		"usage_all":        {"cpuacct.usage_user and _sys, split over the processors", usageAll},
		"cpu_stat":         {"no throttling", fixed("nr_periods 0\nnr_throttled 0\nthrottled_time 0\n")},
		"memory_stat":      {"memory.usage_in_bytes as resident memory", memoryStat},
		"memory_max_usage": {"memory.usage_in_bytes", memoryUsage},

		"cpu_online":    {"all processors", cpuOnline},
		"cpu_package":   {"one socket", fixed("0\n")},
		"cpu_core_id":   {"a core for each processor", cpuCoreID},
		"cpu_siblings":  {"a core for each processor", cpuSiblings},
		"cpu_frequency": {"the frequency of /proc/cpuinfo", cpuFrequency},
	}
}

// Generators are the names that a profile can give after "generate:", with
// what they make in words.
func Generators() map[string]string {
	all := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(generators)) {
		all[name] = generators[name].tells
	}
	return all
}

// generated is the Content of a file that a generator makes.
type generated struct {
	tree      *Tree
	name      string
	generator generator
}

func (g *generated) Read(v View) ([]byte, error)            { return g.generator.make(g, v) }
func (g *generated) Write(View, []byte, int64) (int, error) { return 0, unix.EACCES }
func (g *generated) Shared() (version uint64, ok bool)      { return 0, false }

// sibling reads a real file in the same directory.
func (g *generated) sibling(v View, name string) ([]byte, error) {
	return v.ReadFile(parentOf(g.name) + "/" + name)
}

// fixed is a generator that always says the same.
func fixed(text string) func(*generated, View) ([]byte, error) {
	return func(*generated, View) ([]byte, error) { return []byte(text), nil }
}

// optional turns a missing file into an empty one.
func optional(data []byte, err error) ([]byte, error) {
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// devicesText is a /proc/devices of a small virtual machine.
const devicesText = "Character devices:\n" +
	"  1 mem\n  4 tty\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n 10 misc\n128 ptm\n136 pts\n\n" +
	"Block devices:\n  7 loop\n254 virtblk\n259 blkext\n"
