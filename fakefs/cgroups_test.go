package fakefs

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/fakefs/cgroup"
)

// groupMachine is one on which cgroups can be served, with two processes.
type groupMachine struct{ mountinfo, cgroups string }

func (m groupMachine) Mountinfo() ([]byte, error) { return []byte(m.mountinfo), nil }
func (m groupMachine) Cgroups() ([]byte, error)   { return []byte(m.cgroups), nil }

func (m groupMachine) Processes() ([]cgroup.Process, error) {
	return []cgroup.Process{
		{PID: 1, Threads: 1, Start: 1, User: 5e9, RSS: 1 << 20},
		{PID: 7, Parent: 1, Group: 7, Session: 7, Threads: 2, Start: 9, RSS: 3 << 20},
	}, nil
}

func (m groupMachine) Threads(pid int) ([]int, error) { return []int{pid}, nil }
func (m groupMachine) CPUs() int                      { return 2 }
func (m groupMachine) Memory() uint64                 { return 1 << 30 }

// groupView is the view of a process with all privileges.
type groupView struct{ fakeView }

func (groupView) Caller() (cgroup.Caller, error) { return cgroup.Caller{PID: 7, Admin: true}, nil }

func groupTree(t testing.TB, doc string, m Machine) *Tree {
	t.Helper()
	p, err := Parse("p.yaml", []byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(m)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

const sevenControllers = "cgroups: {controllers: [cpu, cpuacct, cpuset, memory, pids, devices, freezer]}\n"

// TestOnlyMissingControllers: what the kernel has mounted is left alone.
func TestOnlyMissingControllers(t *testing.T) {
	const top = "14 10 0:13 / /sys/fs/cgroup rw  - tmpfs none rw,mode=755\n"
	const some = "15 14 0:14 / /sys/fs/cgroup/cpu rw  - cgroup none rw,cpu\n" +
		"16 14 0:15 / /sys/fs/cgroup/cpuacct rw  - cgroup none rw,cpuacct\n" +
		"17 14 0:16 / /sys/fs/cgroup/cpuset rw  - cgroup none rw,cpuset\n" +
		"19 14 0:18 / /sys/fs/cgroup/both rw  - cgroup none rw,memory,pids\n"
	const auto = "cgroups: {version: auto, controllers: "
	for _, c := range []struct {
		name, doc, mountinfo string
		want                 string
		top                  bool
	}{
		{"nothing there", sevenControllers, gvisorMounts, "cpuset cpu cpuacct memory devices freezer pids", true},
		{"some there", sevenControllers, gvisorMounts + top + some, "devices freezer", false},
		{"a folder for them", sevenControllers, gvisorMounts + top, "cpuset cpu cpuacct memory devices freezer pids", false},
		{"cgroup2", sevenControllers, gvisorMounts + "14 10 0:13 / /sys/fs/cgroup rw - cgroup2 none rw\n", "", false},
		{"cgroup2 beside them", sevenControllers, gvisorMounts + top + some + "20 14 0:20 / /sys/fs/cgroup/unified rw - cgroup2 none rw\n", "devices freezer", false},
		{"always", "cgroups: {controllers: [pids, cpu], when: always, root: /run/groups}", gvisorMounts + top + some, "cpu pids", true},
		{"all there", "cgroups: {controllers: [pids, cpu]}", gvisorMounts + top + some, "", false},
		{"none asked for", "cgroups: {root: /run/groups}", gvisorMounts, "", false},
		{"all there, in any version", auto + "[pids, cpu, io]}", gvisorMounts + top + some, "", false},
		{"some there, in any version", auto + "[pids, cpu, freezer, io]}", gvisorMounts + top + some, "cpu io pids", true},
		{"nothing there, in any version", auto + "[pids, cpu, freezer]}", gvisorMounts, "cpu pids", true},
		{"cgroup2, in any version", auto + "[pids, cpu]}", gvisorMounts + "14 10 0:13 / /sys/fs/cgroup rw - cgroup2 none rw\n", "", false},
	} {
		tree := groupTree(t, c.doc, groupMachine{c.mountinfo, ""})
		if got := strings.Join(tree.Controllers(), " "); got != c.want {
			t.Errorf("%s: %q are served, want %q", c.name, got, c.want)
		}
		root := tree.profile.Cgroups.root()
		n := tree.Lookup(root)
		if mounted := n != nil && n.On != nil; mounted != c.top {
			t.Errorf("%s: a mount on %s: %v", c.name, root, mounted)
		}
		if c.want == "" && tree.Lookup("/proc/1/cgroup") != nil {
			t.Errorf("%s: files about cgroups are served", c.name)
		}
	}
	if tree := groupTree(t, sevenControllers, fakeMachine(gvisorMounts)); tree.Cgroups() != nil {
		t.Error("cgroups on a machine without processes")
	}
}

// TestCgroupMountTables: mounts, numbers and types as three files tell them.
func TestCgroupMountTables(t *testing.T) {
	info, mounts := string(testdata(t, "gvisor-old.mountinfo")), string(testdata(t, "gvisor-old.mounts"))
	t.Run("beside", func(t *testing.T) {
		mountTables(t, "beside", info, mounts, "/sys/fs/cgroup/devices", "/sys/fs/cgroup/freezer")
	})
	without := func(text string) (kept string) {
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "cgroup") {
				kept += line
			}
		}
		return kept
	}
	t.Run("alone", func(t *testing.T) {
		mountTables(t, "alone", without(info), without(mounts), "/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/pids")
	})
}

func mountTables(t *testing.T, label, info, mounts string, points ...string) {
	doc := sevenControllers + "filesystems: [{match: {type: 9p}, report: {type: ext4}}]\n"
	tree := groupTree(t, doc, groupMachine{info, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n"})
	files := map[string]string{
		"/proc/7/mountinfo": info, "/proc/7/mounts": mounts,
		"/proc/7/cgroup": "", "/proc/cgroups": "#subsys_name\thierarchy\tnum_cgroups\tenabled\n", "/proc/self/mountinfo": info,
		"/proc/filesystems": "nodev\tproc\nnodev\ttmpfs\n",
	}
	for _, name := range []string{"mountinfo", "mounts", "cgroup"} {
		golden(t, label+"."+name, []byte(read(t, tree, "/proc/7/"+name, files)))
	}
	golden(t, label+".cgroups", []byte(read(t, tree, "/proc/cgroups", files)))
	if got := read(t, tree, "/proc/filesystems", files); !strings.HasPrefix(got, "nodev\tproc\nnodev\ttmpfs\n") || !strings.Contains(got, "nodev\tcgroup\n") {
		t.Errorf("/proc/filesystems: %q", got)
	}
	// What a node says of its filesystem is what the files say.
	told := read(t, tree, "/proc/7/mountinfo", files)
	for _, name := range points {
		n := tree.Lookup(name)
		line := fmt.Sprintf("%d:%d / %s ", unix.Major(n.On.Dev), unix.Minor(n.On.Dev), name)
		if !strings.Contains(told, line) || !n.Covers() {
			t.Errorf("%s: mountinfo has no %q", name, line)
		}
	}
	// Who does not see the folder sees no mounts.
	files["/proc/7/mountinfo"] = "20 19 0:30 / /proc rw - proc proc rw\n"
	if got := read(t, tree, "/proc/7/mountinfo", files); got != files["/proc/7/mountinfo"] {
		t.Errorf("in a chroot: %q", got)
	}
}

func TestCgroupTree(t *testing.T) {
	tree := groupTree(t, sevenControllers, groupMachine{gvisorMounts, ""})
	names := func(dir string) (all []string) {
		for _, e := range tree.Children(dir) {
			all = append(all, e.Name)
			if n := tree.Lookup(dir + "/" + e.Name); n == nil || n.Ino != e.Node.Ino || n.Mode != e.Node.Mode {
				t.Errorf("%s/%s: %+v, and %+v in the listing", dir, e.Name, n, e.Node)
			}
		}
		slices.Sort(all)
		return all
	}
	if got := names("/sys/fs/cgroup"); strings.Join(got, " ") != "cpu cpuacct cpuset devices freezer memory pids" {
		t.Errorf("%v", got)
	}
	root := tree.Lookup("/sys/fs/cgroup/freezer")
	if err := root.Group.Make("a", 0o750, cgroup.Caller{UID: 3, GID: 4}); err != nil {
		t.Fatal(err)
	}
	a := tree.Lookup("/sys/fs/cgroup/freezer/a")
	if a == nil || !a.Mode.IsDir() || a.Mode.Perm() != 0o750 || a.UID != 3 || a.GID != 4 || a.On != root.On || a.Covers() {
		t.Fatalf("a: %+v", a)
	}
	if got := names("/sys/fs/cgroup/freezer/a"); strings.Join(got, " ") != "cgroup.clone_children cgroup.procs freezer.parent_freezing freezer.self_freezing freezer.state notify_on_release tasks" {
		t.Errorf("%v", got)
	}
	for _, name := range []string{"/sys/fs/cgroup/freezer/b", "/sys/fs/cgroup/freezer/a/x", "/sys/fs/cgroup/freezer/a/tasks/x", "/sys/fs/cgroup/blkio", "/sys/fs/cgroupx", "/sys/fs"} {
		if n := tree.Lookup(name); n != nil && n.On != nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
	state := tree.Lookup("/sys/fs/cgroup/freezer/a/freezer.state")
	if n, err := state.Content.Write(groupView{}, []byte("FROZEN\n"), 0); n != 7 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if text, err := state.Content.Read(groupView{}); err != nil || string(text) != "FROZEN\n" {
		t.Errorf("%q, %v", text, err)
	}
	// Who reads is asked for where the text depends on that, and only there.
	if text, err := state.Content.Read(fakeView{}); err != nil || string(text) != "FROZEN\n" {
		t.Errorf("read by nobody: %q, %v", text, err)
	}
	for _, name := range []string{"tasks", "cgroup.procs"} {
		if _, err := tree.Lookup("/sys/fs/cgroup/freezer/a/" + name).Content.Read(fakeView{}); err == nil {
			t.Errorf("%s read by nobody", name)
		}
	}
	if err := root.Group.Remove("a"); err != nil {
		t.Fatal(err)
	}
	if tree.Lookup("/sys/fs/cgroup/freezer/a") != nil || tree.Lookup("/sys/fs/cgroup/freezer/a/tasks") != nil {
		t.Error("it is still there")
	}
}

func TestCgroupsSection(t *testing.T) {
	for doc, want := range map[string]string{
		"cgroups: {controllers: [blkio]}":    `p.yaml:1:25: cgroups: "blkio" is no controller that can be served (allowed: cpuset, cpu, cpuacct, memory, devices, freezer, pids, io, hugetlb, misc)`,
		"cgroups: {controllers: [cpu, cpu]}": `p.yaml:1:30: cgroups cpu: contradicts p.yaml:1:25 (allowed: one declaration)`,
		"cgroups: {root: here}":              `p.yaml:1:17: cgroups root: "here" is no absolute, clean path below another folder (allowed: a path such as /sys/fs/cgroup)`,
		"cgroups: {root: /here}":             `p.yaml:1:17: cgroups root: "/here" is no absolute, clean path below another folder (allowed: a path such as /sys/fs/cgroup)`,
		"cgroups: {when: present}":           `p.yaml:1:17: "present" is unknown (allowed: always, missing)`,
		"cgroups: [cpu]":                     `p.yaml:1:10: found a list (allowed: a mapping)`,
	} {
		if _, err := Parse("p.yaml", []byte(doc)); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", doc, err, want)
		}
	}
	p, err := Load(LoadOptions{Profiles: []string{"k3s"}})
	if err != nil {
		t.Fatal(err)
	}
	if p.Empty() || len(p.Cgroups.Controllers) != 10 || p.Cgroups.Version != VersionAuto {
		t.Errorf("k3s: %+v", p.Cgroups)
	}
	merged, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse("again.yaml", merged)
	if err != nil || len(again.Cgroups.Controllers) != 10 || again.Cgroups.root() != cgroupRoot {
		t.Errorf("written and read: %+v, %v", again, err)
	}
	told := 0
	for _, lie := range p.Lies() {
		if lie.Kind == "cgroups" && lie.Told != "" && lie.From != "" {
			told++
		}
	}
	if told != 10 {
		t.Errorf("%d lies about cgroups are listed", told)
	}
	if p, err := Load(LoadOptions{Profiles: []string{"k3s"}, Cgroups: VersionOne}); err != nil || p.Cgroups.Version != VersionOne {
		t.Errorf("--cgroups v1: %v", err)
	}
	if _, err := Load(LoadOptions{Cgroups: "v3"}); err == nil || !strings.Contains(err.Error(), "--cgroups v3") {
		t.Errorf("--cgroups v3: %v", err)
	}
}
