package fakefs

import (
	"fmt"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// Cgroups are the cgroup v1 controllers that a profile serves.
type Cgroups struct {
	// Controllers by name, such as "cpu".
	Controllers map[string]bool
	// Root is the directory of their mount points; "" stands for /sys/fs/cgroup.
	Root string
	// When is Missing, the default, for those that are not mounted and where no
	// cgroup2 is; Always for all.
	When When
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
				if !slices.Contains(cgroup.Controllers(), value) {
					d.fail(n, "cgroups", fmt.Sprintf("%q is no controller that can be served", value), list(cgroup.Controllers()))
				} else if d.claim(n, "cgroups", value) {
					c.Controllers[value] = true
				}
			})
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
	"cpuacct": "groups with the time that their processes have used",
	"cpuset":  "groups whose processors are kept, and not enforced",
	"memory":  "groups with the resident memory of their processes; limits are kept, and not enforced",
	"pids":    "groups with the number of their threads; limits are kept, and not enforced",
	"devices": "groups whose rules are kept, and not enforced",
	"freezer": "groups that say FROZEN when told to freeze, and go on",
}
