package oci

import (
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// limited is a bundle's limits, and a program that waits.
func limited(s *specs.Spec) {
	memory, quota, period := int64(100<<20), int64(50000), uint64(100000)
	s.Process.Args = []string{"sleep", "1000"}
	s.Linux.Resources = &specs.LinuxResources{
		Memory: &specs.LinuxMemory{Limit: &memory}, CPU: &specs.LinuxCPU{Quota: &quota, Period: &period},
	}
}

// groupFiles are what a program reads of its own groups, by their version.
var groupFiles = map[string]string{
	"v1": "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.cfs_period_us; stat -f -c %t /sys/fs/cgroup/memory",
	"v2": "cat /sys/fs/cgroup/memory.max; read -r quota period </sys/fs/cgroup/cpu.max; echo $quota; echo $period; stat -f -c %t /sys/fs/cgroup",
}

// groupMagic is the type of filesystem that they are on.
var groupMagic = map[string]string{"v1": "27e0eb", "v2": "63677270"}

// seeGroups is a script that runs a container, further processes in it and an update,
// below a shimrun that serves the groups: $1 is shimrun, $2 the bundle, $3 the files.
const seeGroups = `
	"$1" run --detach --bundle "$2" c </dev/null >/dev/null 2>/run/lacks || { cat /run/lacks; exit 1; }
	see() { "$1" exec c sh -c "grep -v ':/$' /proc/self/cgroup || echo own; $3"; }
	see "$@"
	"$1" update --memory 50M --cpu-quota 20000 c || exit 2
	see "$@"
	"$1" delete --force c`

// TestControlGroupsInGVisor has containers see their own groups, of both versions, and
// limits as they change, below a shimrun that serves them, as a node's containers are.
func TestControlGroupsInGVisor(t *testing.T) {
	for _, g := range grounds {
		t.Run(g.String(), func(t *testing.T) {
			sandbox, shimrun, dir := sandboxed(t, g, limited)
			for version, files := range groupFiles {
				out, errOut, code := sandbox.Run(t, "env", "SHIMRUN_MODE=builtin", shimrun, "--profile", "kubernetes", "--cgroups", version, "--",
					"sh", "-c", seeGroups, "sh", shimrun, dir, files)
				seen := func(memory, quota string) string {
					return "own\n" + memory + "\n" + quota + "\n100000\n" + groupMagic[version] + "\n"
				}
				want := seen("104857600", "50000") + seen("52428800", "20000")
				if out != want || code != 0 {
					t.Errorf("%s: status %d, %s\ngot\n%swant\n%s", version, code, errOut, out, want)
				}
			}
			// With a supervisor of its own, and another one for each further process.
			out, errOut, code := sandbox.Run(t, "sh", "-c", `"$1" --profile kubernetes run --detach --bundle "$2" c </dev/null >/dev/null 2>&1
				"$1" exec c sh -c "grep -v ':/$' /proc/self/cgroup || echo own; cat /sys/fs/cgroup/memory.max"; "$1" delete --force c`, "sh", shimrun, dir)
			if out != "own\n104857600\n" || code != 0 {
				t.Errorf("alone: status %d, %q, %s", code, out, errOut)
			}
		})
	}
}
