package builtin

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"github.com/opencontainers/cgroups"
	"github.com/opencontainers/cgroups/fs"
	"github.com/opencontainers/cgroups/fs2"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A container's control groups are those that the machine has, or that a shim serves:
// to the library that makes them there is no difference. What fails is a lack of the
// container's, and no error.

const groupsRoot = "/sys/fs/cgroup"

// groupsOf manages the groups of a bundle, nil where it asks for none.
func groupsOf(spec *specs.Spec) (cgroups.Manager, error) {
	if spec.Linux == nil || spec.Linux.CgroupsPath == "" {
		return nil, nil
	}
	config := &cgroups.Cgroup{Path: groupPath(spec.Linux.CgroupsPath), Resources: resourcesOf(spec.Linux.Resources)}
	if unifiedGroups() {
		return fs2.NewManager(config, "")
	}
	if here, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("cgroup")); err != nil || len(here) == 0 {
		return nil, errNoGroups
	}
	if _, err := cgroups.FindCgroupMountpoint("", "devices"); err == nil {
		config.SkipDevices = false // which leaves their hierarchy out; rules are not given anyway
	}
	return fs.NewManager(config, nil)
}

// areMade tells whether there is any of a container's groups.
func areMade(groups cgroups.Manager) bool {
	for _, dir := range groups.GetPaths() {
		if _, err := os.Stat(dir); err == nil {
			return true
		}
	}
	return false
}

// groupPath is the path of a group, also where its name is one that systemd would
// make: "SLICE:PREFIX:NAME".
func groupPath(name string) string {
	parts := strings.Split(name, ":")
	if len(parts) != 3 {
		return name
	}
	scope := parts[2]
	if parts[1] != "" {
		scope = parts[1] + "-" + scope + ".scope"
	}
	return filepath.Join("/", parts[0], scope)
}

func unifiedGroups() bool {
	var st unix.Statfs_t
	return unix.Statfs(groupsRoot, &st) == nil && st.Type == unix.CGROUP2_SUPER_MAGIC
}

// joinGroups has this process be in the container's groups before it is in anything
// else of the container's. A further process joins those that are there.
func (i *initProcess) joinGroups() {
	groups, err := groupsOf(i.Spec)
	if groups == nil && err == nil {
		return
	}
	// A further process with a supervisor of its own finds none in what that serves.
	join := err == nil && i.Join != nil && (i.around || areMade(groups))
	if join {
		err = groups.AddPid("", os.Getpid())
	} else if err == nil {
		if err = groups.Apply(os.Getpid()); err == nil {
			if err := groups.Set(resourcesOf(i.Spec.Linux.Resources)); err != nil {
				i.lack("limits of control groups", err) // a controller that is not there
			}
		}
	}
	if err != nil {
		i.lack("control groups "+i.Spec.Linux.CgroupsPath, err)
		return
	}
	i.groups = groups.GetPaths()
	i.kernelGroups = areKernels(i.groups)
	// Of version 1 a container sees its own groups whether or not it has a namespace of
	// them: what runc mounts there begins with them.
	i.ownGroups = !i.kernelGroups && !unifiedGroups() && unix.Unshare(unix.CLONE_NEWCGROUP) == nil
	if i.Join != nil && i.hasOwnSpace() && !i.ownGroups {
		_ = unix.Unshare(unix.CLONE_NEWCGROUP) // whose root is the group, as the container's is
	}
}

// hasOwnSpace tells whether the bundle asks for a cgroup namespace of its own.
func (i *initProcess) hasOwnSpace() bool {
	for _, ns := range i.Spec.Linux.Namespaces {
		if ns.Type == specs.CgroupNamespace {
			return ns.Path == ""
		}
	}
	return false
}

// errTold is why limits are not what they seem.
var errTold = errors.New("it is told to the container, and not enforced")

// noteResources notes what of the bundle's limits is not enforced.
func (i *initProcess) noteResources() {
	r := i.Spec.Linux.Resources
	if r == nil {
		return
	}
	why := errNoGroups
	if i.groups != nil {
		why = errTold
	}
	for what, asked := range map[string]bool{
		"memory": r.Memory != nil, "cpu": r.CPU != nil, "pids": r.Pids != nil, "blockIO": r.BlockIO != nil,
		"hugepageLimits": len(r.HugepageLimits) > 0, "unified": len(r.Unified) > 0,
	} {
		if asked && (i.groups == nil || !i.kernelGroups) {
			i.lack("resources."+what, why)
		}
	}
	for what, asked := range map[string]bool{"network": r.Network != nil, "rdma": len(r.Rdma) > 0, "devices": len(r.Devices) > 0} {
		if asked {
			i.lack("resources."+what, errNotSet)
		}
	}
}

var errNotSet = errors.New("mode builtin does not do that")

// areKernels tells whether groups are the kernel's and not served: only then does the
// mount that a file of theirs is on have a line in mountinfo (proc_pid_fdinfo(5)).
func areKernels(paths map[string]string) bool {
	for _, dir := range paths {
		f, err := os.Open(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			return false
		}
		defer f.Close()
		id := mountOf(f)
		mounts, err := mountinfo.GetMounts(func(m *mountinfo.Info) (skip, stop bool) {
			return m.ID != id || m.FSType != "cgroup" && m.FSType != "cgroup2", false
		})
		return err == nil && len(mounts) > 0
	}
	return false
}

// mountOf is the number of the mount that an open file is on, -1 where the kernel
// does not tell.
func mountOf(f *os.File) int {
	info, err := os.Open(fmt.Sprintf("/proc/self/fdinfo/%d", f.Fd()))
	if err != nil {
		return -1
	}
	defer info.Close()
	for lines := bufio.NewScanner(info); lines.Scan(); {
		if rest, ok := strings.CutPrefix(lines.Text(), "mnt_id:"); ok {
			if id, err := strconv.Atoi(strings.TrimSpace(rest)); err == nil {
				return id
			}
		}
	}
	return -1
}

// leaveGroups removes a container's groups. Its processes have ended, and what only its
// own supervisor served has gone with them.
func leaveGroups(spec *specs.Spec) error {
	groups, err := groupsOf(spec)
	if errors.Is(err, errNoGroups) {
		return nil
	}
	if groups == nil || err != nil {
		return err
	}
	return groups.Destroy()
}
