package oci

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What a supervisor does for a container takes no more of the processors than
// the container may have, also when that changes; and the group in which it is
// held to that ends with it.
func TestSupervisorsShare(t *testing.T) {
	engines(t) // root and runc are here
	e := newEngine(t, "delegate")
	period, quota := uint64(100_000), int64(5_000)
	dir := newBundle(t, t.TempDir(), all(script("while :; do stat /proc/self/mountinfo >/dev/null; read x </proc/sys/kernel/panic; done"), func(s *specs.Spec) {
		s.Linux.Resources.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period}
	}))
	bring(t, e, dir, "running")
	supervisors, err := filepath.Glob(filepath.Join(e.root, "c/supervisor-*"))
	if must(t, err); len(supervisors) != 1 {
		t.Fatalf("the container's supervisors are %v", supervisors)
	}
	_, pid, _ := strings.Cut(filepath.Base(supervisors[0]), "-")
	group := groupOfWorkers(t, pid)
	used := func() time.Duration {
		text, err := os.ReadFile("/proc/" + pid + "/stat")
		must(t, err)
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		sum := 0
		for _, field := range fields[11:13] { // utime and stime, proc_pid_stat(5)
			ticks, err := strconv.Atoi(field)
			must(t, err)
			sum += ticks
		}
		return time.Duration(sum) * 10 * time.Millisecond
	}
	begin, before := time.Now(), used()
	time.Sleep(1500 * time.Millisecond)
	if spent, passed := used()-before, time.Since(begin); spent > passed/10 {
		t.Errorf("the supervisor spent %v in %v, and the container may have a twentieth", spent, passed)
	}
	e.ok(t, "update", "--cpu-quota", "50000", "c")
	quotas := ""
	for _, name := range []string{"cpu.cfs_quota_us", "cpu.max"} {
		text, _ := os.ReadFile(filepath.Join(group, name))
		quotas += string(text)
	}
	if !strings.HasPrefix(quotas, "50000") {
		t.Errorf("after an update the supervisor's quota is %q", quotas)
	}
	e.ok(t, "delete", "--force", "c")
	eventually(t, group+" is gone", func() bool { _, err := os.Stat(group); return os.IsNotExist(err) })
	e.empty(t)
}

// groupOfWorkers is the folder of the control group that a supervisor is held to
// the container's share in.
func groupOfWorkers(t *testing.T, pid string) string {
	t.Helper()
	groups, err := os.ReadFile("/proc/" + pid + "/cgroup")
	must(t, err)
	for line := range strings.Lines(string(groups)) {
		for _, hierarchy := range []string{"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup"} {
			group := filepath.Join(hierarchy, strings.SplitN(strings.TrimSpace(line), ":", 3)[2])
			procs, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
			if err == nil && strings.HasSuffix(group, ".shimrun") && strings.Contains("\n"+string(procs), "\n"+pid+"\n") {
				return group
			}
		}
	}
	t.Fatalf("supervisor %s has no group of its own: %s", pid, groups)
	return ""
}
