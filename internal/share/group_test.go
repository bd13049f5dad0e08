package share

import (
	"errors"
	"strings"
	"testing"
)

func TestLocate(t *testing.T) {
	const (
		one    = "30 24 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
		memory = "31 24 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		set    = "32 24 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
		two    = "33 24 0:29 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
		part   = "34 24 0:29 /pod /mnt/pod rw - cgroup2 cgroup2 rw\n"
	)
	for name, test := range map[string]struct {
		mountinfo, groups string
		file              string // of the group, "" where there is none
		settings          string
	}{
		"version 1":                   {memory + set + one, "4:memory:/m\n3:cpuset:/s\n2:cpu,cpuacct:/docker/a\n", "/sys/fs/cgroup/cpu,cpuacct/docker/a", "cpu.shares cpu.cfs_period_us cpu.cfs_quota_us"},
		"version 2":                   {two, "0::/pod/a\n", "/sys/fs/cgroup/pod/a", "cpu.weight cpu.max"},
		"both, and 1 has it":          {two + one, "2:cpu:/a\n0::/b\n", "/sys/fs/cgroup/cpu,cpuacct/a", "cpu.shares cpu.cfs_period_us cpu.cfs_quota_us"},
		"both, and 2 has it":          {memory + two, "2:memory:/a\n0::/b\n", "/sys/fs/cgroup/b", "cpu.weight cpu.max"},
		"a name with a colon":         {two, "0::/a:b:c\n", "/sys/fs/cgroup/a:b:c", "cpu.weight cpu.max"},
		"the root":                    {two, "0::/\n", "/sys/fs/cgroup", "cpu.weight cpu.max"},
		"a part, and it is in that":   {part, "0::/pod/a\n", "/mnt/pod/a", "cpu.weight cpu.max"},
		"a part, and it is elsewhere": {part, "0::/podium/a\n", "", ""},
		"a part, then all":            {part + two, "0::/podium/a\n", "/sys/fs/cgroup/podium/a", "cpu.weight cpu.max"},
		"outside of the namespace":    {two, "0::/../other\n", "", ""},
		"not mounted":                 {memory, "2:cpu:/a\n", "", ""},
		"nothing":                     {"", "", "", ""},
		"nonsense":                    {"1 2 3\n - \n\n", "x\n:\n", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := locate(test.mountinfo, test.groups)
			if test.file == "" {
				if !errors.Is(err, errNoController) {
					t.Errorf("%+v, %v", g, err)
				}
				return
			}
			if err != nil || g.file("") != test.file || strings.Join(g.settings, " ") != test.settings {
				t.Errorf("%q, %v, %v; want %q", g.file(""), g.settings, err, test.file)
			}
		})
	}
}
