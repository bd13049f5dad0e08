package fakefs

import (
	"fmt"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Cgroups are the cgroup controllers that a profile serves.
type Cgroups struct {
	// Controllers by name, such as "cpu".
	Controllers map[string]bool
	// Version is that of the interface; "" stands for VersionOne.
	Version string
	// Root is the directory of their mount points, or that of the one of version 2;
	// "" stands for /sys/fs/cgroup.
	Root string
	// When is Missing, the default, for those that are not mounted and where no
	// cgroup2 is; Always for all.
	When When
}

// Versions of cgroups. Auto is version 1 where the kernel has mounted all controllers of
// that which the profile asks for, and else version 2: programs of today refuse the first
// one, and a kernel that has only some of it, as gVisor, limits next to nothing by them.
const (
	VersionOne  = "v1"
	VersionTwo  = "v2"
	VersionAuto = "auto"
)

var cgroupVersions = []string{VersionAuto, VersionOne, VersionTwo}

// anyControllers are those that can be served in one version or the other.
func anyControllers() []string {
	names := cgroup.Controllers()
	for _, name := range cgroup.UnifiedControllers() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// served are those of a version's controllers that the profile asks for. Version 2
// has none for what cpuacct, devices and freezer did.
func (c *Cgroups) served(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return !c.Controllers[name] })
}

// cgroupRoot is where programs look for cgroups.
const cgroupRoot = "/sys/fs/cgroup"

func (c *Cgroups) root() string {
	if c.Root == "" {
		return cgroupRoot
	}
	return c.Root
}

func (d *decoder) decodeCgroups(n *yaml.Node) {
	c := &d.profile.Cgroups
	d.mapping(n, fields{
		"controllers": func(n *yaml.Node) {
			d.texts(n, func(n *yaml.Node, value string) {
				if !slices.Contains(anyControllers(), value) {
					d.fail(n, "cgroups", fmt.Sprintf("%q is no controller that can be served", value), list(anyControllers()))
				} else if d.claim(n, "cgroups", value) {
					c.Controllers[value] = true
				}
			})
		},
		"version": func(n *yaml.Node) {
			value, ok := d.text(n)
			if !ok || !d.claim(n, "cgroups", "version") {
				return
			}
			if !slices.Contains(cgroupVersions, value) {
				d.fail(n, "cgroups version", fmt.Sprintf("%q is unknown", value), list(cgroupVersions))
				return
			}
			c.Version = value
		},
		"root": func(n *yaml.Node) {
			value, ok := d.text(n)
			if !ok || !d.claim(n, "cgroups", "root") {
				return
			}
			if !path.IsAbs(value) || path.Clean(value) != value || path.Dir(value) == "/" || isPattern(value) {
				d.fail(n, "cgroups root", fmt.Sprintf("%q is no absolute, clean path below another folder", value), "a path such as "+cgroupRoot)
				return
			}
			c.Root = value
		},
		"when": func(n *yaml.Node) {
			if d.claim(n, "cgroups", "when") {
				d.when(&c.When, string(Always), string(Missing))(n)
			}
		},
	})
}

// told says in words what a controller's files are, and what they are not.
var cgroupTold = map[string]string{
	"cpu":     "groups whose shares and quotas are kept, and not enforced",
	"io":      "groups whose limits and weights are kept, and not enforced; what goes to which disk is not told",
	"hugetlb": "groups whose limits are kept; nobody has huge pages",
	"misc":    "groups with no such resources",
	"cpuacct": "groups with the time that their processes have used",
	"cpuset":  "groups whose processors are kept, and not enforced",
	"memory":  "groups with the resident memory of their processes; limits are kept, and not enforced",
	"pids":    "groups with the number of their threads; limits are kept, and not enforced",
	"devices": "groups whose rules are kept, and not enforced",
	"freezer": "groups that say FROZEN when told to freeze, and go on",
}
