package fakefs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// CgroupMachine is a [Machine] on which cgroups can be served. On another one a
// profile's cgroups are left out.
type CgroupMachine interface {
	Machine
	cgroup.Machine
	// Cgroups is /proc/cgroups, empty where there is none.
	Cgroups() ([]byte, error)
}

// CallerView is a [View] that can tell whose it is, as files of cgroups ask.
type CallerView interface {
	View
	Caller() (cgroup.Caller, error)
}

// cgroups are the hierarchies that a tree serves, as mounts below one directory.
type cgroups struct {
	*cgroup.Hierarchies
	root string
	// top is the tmpfs over the root; nil where the kernel has a mount there.
	top *Filesystem
	// mounts has one for each hierarchy, in their order.
	mounts []*Filesystem
	// always tells that real mounts of the same controllers are not.
	always bool
}

// newCgroups finds out which of the controllers the machine has not mounted;
// nil where none is to be served.
func newCgroups(p *Profile, m Machine) (*cgroups, error) {
	told := &p.Cgroups
	machine, ok := m.(CgroupMachine)
	if len(told.Controllers) == 0 || !ok {
		return nil, nil
	}
	mountinfo, err := machine.Mountinfo()
	if err != nil {
		return nil, fmt.Errorf("cgroups: %w", err)
	}
	real, err := machine.Cgroups()
	if err != nil {
		return nil, fmt.Errorf("cgroups: %w", err)
	}
	c := &cgroups{root: told.root(), always: told.When == Always}
	here := c.look(mountinfo)
	if here.unified && !c.always {
		return nil, nil
	}
	var groups cgroup.Machine = machine
	if p.Memory.Total > 0 {
		groups = smaller{machine, p.Memory.Total}
	}
	if told.Version == VersionTwo || told.Version == VersionAuto && !here.has(told.served(cgroup.Controllers())) {
		c.Hierarchies, err = cgroup.NewUnified(groups, told.served(cgroup.UnifiedControllers()))
	} else {
		missing := slices.DeleteFunc(told.served(cgroup.Controllers()), func(name string) bool {
			return !c.always && here.mounted[name]
		})
		if len(missing) == 0 {
			return nil, nil
		}
		last := lastHierarchy(real)
		if last == 0 {
			last = lastHierarchy(appendMounted(nil, mountinfo)) // as /proc/cgroups is made then
		}
		c.Hierarchies, err = cgroup.New(groups, missing, last+1)
	}
	if err != nil {
		return nil, err
	}
	c.mount(mountinfo, !here.top)
	return c, nil
}

// smaller is a machine of which the profile says how much memory it has.
type smaller struct {
	CgroupMachine
	memory uint64
}

func (s smaller) Memory() uint64 { return min(s.memory, s.CgroupMachine.Memory()) }
func (s smaller) Limit() uint64  { return s.memory }

// found is what the kernel has mounted.
type found struct {
	// mounted are the controllers of cgroup v1 that are.
	mounted map[string]bool
	// top tells that there is a mount on the root, unified that it is a cgroup2.
	top, unified bool
}

// has tells whether controllers of cgroup v1 are mounted, all of them.
func (f *found) has(controllers []string) bool {
	return len(controllers) > 0 && !slices.ContainsFunc(controllers, func(name string) bool { return !f.mounted[name] })
}

func (c *cgroups) look(mountinfo []byte) found {
	f := found{mounted: map[string]bool{}}
	eachLine(mountinfo, func(line []byte, _ bool) {
		m, ok := parseMount(line)
		if !ok {
			return
		}
		if string(m.point) == c.root {
			f.top, f.unified = true, string(m.typ) == "cgroup2"
		}
		if string(m.typ) == "cgroup" {
			for option := range strings.SplitSeq(string(m.options), ",") {
				f.mounted[option] = true
			}
		}
	})
	return f
}

// unified tells that the hierarchy is that of cgroup v2.
func (c *cgroups) unified() bool { return c.All()[0].Unified() }
