package cases

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Controllers are those that a shim can serve.
var Controllers = []string{"cpu", "cpuacct", "cpuset", "devices", "freezer", "memory", "pids"}

// groupFiles are the files that each served group has; a kernel may have more.
var groupFiles = map[string][]string{
	"cpu":     {"cpu.cfs_period_us", "cpu.cfs_quota_us", "cpu.shares"},
	"cpuacct": {"cpuacct.stat", "cpuacct.usage", "cpuacct.usage_all", "cpuacct.usage_percpu", "cpuacct.usage_percpu_sys", "cpuacct.usage_percpu_user", "cpuacct.usage_sys", "cpuacct.usage_user"},
	"cpuset":  {"cpuset.cpu_exclusive", "cpuset.cpus", "cpuset.effective_cpus", "cpuset.effective_mems", "cpuset.mem_exclusive", "cpuset.mem_hardwall", "cpuset.memory_migrate", "cpuset.memory_pressure", "cpuset.memory_spread_page", "cpuset.memory_spread_slab", "cpuset.mems", "cpuset.sched_load_balance", "cpuset.sched_relax_domain_level"},
	"devices": {"devices.list"},
	"freezer": {"freezer.parent_freezing", "freezer.self_freezing", "freezer.state"},
	"memory":  {"memory.failcnt", "memory.limit_in_bytes", "memory.max_usage_in_bytes", "memory.move_charge_at_immigrate", "memory.oom_control", "memory.soft_limit_in_bytes", "memory.swappiness", "memory.usage_in_bytes", "memory.use_hierarchy"},
	"pids":    {"pids.current", "pids.events", "pids.max"},
}

// common are in every group.
var common = []string{"cgroup.clone_children", "cgroup.procs", "notify_on_release", "tasks"}

// group makes a group of a controller for a row, and gives its path.
func (r *Record) group(controller string) string {
	return r.groupBelow(r.Path("cgroups/" + controller))
}

// groupBelow makes a group for a row. It goes when the row is done, with all below and
// those in it.
func (r *Record) groupBelow(parent string) string {
	dir := parent + "/conformance-" + strconv.Itoa(os.Getpid())
	must("mkdir", unix.Mkdir(dir, 0o755))
	r.Defer(func() {
		for _, pattern := range []string{"/*/*/*", "/*/*", "/*", ""} {
			inner, _ := filepath.Glob(dir + pattern)
			for _, g := range inner {
				_ = unix.Rmdir(g)
			}
		}
		if err := unix.Access(dir, unix.F_OK); err != unix.ENOENT {
			r.Say("the group below %s cannot be removed: %s", parent, Errno(unix.Rmdir(dir)))
		}
	})
	return dir
}

// put makes one write, and says what came of it and what the file says then.
func (r *Record) put(dir, file, data string) {
	fd, err := unix.Open(dir+"/"+file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.Say("open %s to write: %s", file, Errno(err))
		return
	}
	n, err := unix.Write(fd, []byte(data))
	r.Say("write(%s, %.40q) = %d %s, now %s", file, data, n, Errno(err), r.Content(dir+"/"+file))
	must("close", unix.Close(fd))
}

// numbers are what any file with a number is tried with.
var numbers = []string{"1", "0", "0\n", "1\n", "2\n", " 1", "1 ", "1\n\n", "", "x", "1x", "-1", "+1", "0x10", "010", "08", "1000000", "99999999999999999999", "18446744073709551615"}

// settings are what is written to a group below the root, in order: a write
// can depend on those before.
var settings = []struct {
	controller, file string
	data             []string
}{
	{"cpu", "cpu.shares", append([]string{"512", "300000", "262144", "2", "1024\n"}, numbers...)},
	{"cpu", "cpu.cfs_quota_us", []string{"50000", "1000", "999", "-1", "-5", "0", "x", "", "200000\n", " 5000", "99999999999999999999", "9223372036854775807", "-9223372036854775808", "17592186044415", "-1"}},
	{"cpu", "cpu.cfs_period_us", []string{"50000", "1000", "999", "1000000", "1000001", "-1", "x", "", "100000\n"}},
	{"cpuacct", "cpuacct.usage", []string{"1", "x", ""}},
	{"cpuset", "cpuset.cpus", []string{"0", "0-1\n", "", " 0 , 1 ", "1", "0-", "-1", "1-0", "x", "0-1:1/2", "0-1:2/1", "0-1:0/1", "0,,1", ",0", "all", "4000", "99999999999", "0-1:1/", "0 1", "0x1", "\n"}},
	{"cpuset", "cpuset.mems", []string{"0", "1", "0-1", "x", "", "0\n"}},
	{"cpuset", "cpuset.cpu_exclusive", []string{"1", "0"}},
	{"cpuset", "cpuset.mem_hardwall", append([]string{"0"}, numbers...)},
	{"cpuset", "cpuset.sched_load_balance", []string{"0", "5", "1", "x"}},
	{"cpuset", "cpuset.sched_relax_domain_level", []string{"-1", "0", "-2", "x", "-1\n"}},
	{"devices", "devices.list", []string{"a"}},
	{"freezer", "freezer.state", []string{"FROZEN", "THAWED\n", " FROZEN \n", "FREEZING", "frozen", "", "x", "THAWED"}},
	{"memory", "memory.limit_in_bytes", []string{"100M", "1g\n", "4097", "8191", "12345678", "1T", "1Q", "-1", "-2", " 64m ", "64 m", "0x1000000", "16777216x", "1Mx", "9223372036854775807", "18446744073709551615", "x", "0x", "-1\n"}},
	{"memory", "memory.soft_limit_in_bytes", []string{"10M", "-1", "4097", "x", "1e"}},
	{"memory", "memory.swappiness", []string{"0", "100", "200", "201", "-1", "x", "60\n"}},
	{"memory", "memory.oom_control", []string{"1", "2", "x", "0\n"}},
	{"memory", "memory.use_hierarchy", []string{"1", "0", "2", "x"}},
	{"memory", "memory.move_charge_at_immigrate", []string{"0"}},
	{"memory", "memory.failcnt", []string{"0"}},
	{"memory", "memory.usage_in_bytes", []string{"0"}},
	{"pids", "pids.max", []string{"10", "max", "max\n", " 12 ", "0", "-1", "4194304", "4194305", "x", "", "0x10", "MAX", "99999999999999999999", "max"}},
	{"pids", "pids.current", []string{"1"}},
	{"pids", "notify_on_release", append([]string{"1", "5", "0"}, numbers...)},
	{"pids", "cgroup.clone_children", []string{"1", "x", "0\n"}},
	{"pids", "cgroup.procs", []string{"x", "", "-1", "999999999", "99999999999", "1x", "0x"}},
	{"freezer", "tasks", []string{"x", "-1", "999999999"}},
}

// rootSettings are those that a hierarchy's root treats otherwise.
var rootSettings = []struct{ controller, file, data string }{
	{"cpu", "cpu.shares", "512"},
	{"cpu", "cpu.cfs_quota_us", "50000"},
	{"cpu", "cpu.cfs_period_us", "50000"},
	{"cpuset", "cpuset.cpus", "0"},
	{"cpuset", "cpuset.mems", "0"},
	{"memory", "memory.limit_in_bytes", "1G"},
	{"memory", "memory.oom_control", "1"},
}

var groupCases = []Case{
	{
		Name: "group/files", Calls: "mkdir openat read newfstatat statx", Needs: Root | Groups,
		Run: func(r *Record) {
			for _, controller := range Controllers {
				dir := r.group(controller)
				for _, file := range append(append([]string{}, common...), groupFiles[controller]...) {
					var st unix.Stat_t
					err := unix.Stat(dir+"/"+file, &st)
					r.Say("%s: %s %#o %d links, %d bytes, says %s", file, Errno(err), st.Mode, st.Nlink, st.Size, r.Content(dir+"/"+file))
				}
				for _, file := range []string{"cgroup.sane_behavior", "release_agent", "nothing"} {
					r.Say("%s: %s", file, Errno(unix.Access(dir+"/"+file, unix.F_OK)))
				}
				root := r.Path("cgroups/" + controller)
				for _, file := range append([]string{"cgroup.sane_behavior", "pids.max", "pids.current", "freezer.state"}, common...) {
					var st unix.Stat_t
					err := unix.Stat(root+"/"+file, &st)
					r.Say("%s of the root: %s %#o", file, Errno(err), st.Mode)
				}
			}
		},
	},
	{
		Name: "group/values", Calls: "write openat", Needs: Root | Groups,
		Run: tried("cpu", "cpuacct"),
	},
	{
		Name: "group/values-cpuset", Calls: "write openat", Needs: Root | Groups,
		Run: tried("cpuset", "devices"),
	},
	{
		Name: "group/values-memory", Calls: "write openat", Needs: Root | Groups,
		Run: tried("memory"),
	},
	{
		Name: "group/values-pids", Calls: "write openat", Needs: Root | Groups,
		Run: tried("pids", "freezer"),
	},
	{
		Name: "group/writes", Calls: "write read lseek", Needs: Root | Groups,
		Run: func(r *Record) {
			dir := r.group("pids")
			for _, size := range []int{4095, 4096, 4097} {
				r.put(dir, "pids.max", "7"+strings.Repeat(" ", size-1))
			}
			r.put(dir, "pids.max", "8\x00x")
			fd, err := unix.Open(dir+"/pids.max", unix.O_RDWR, 0)
			must("open", err)
			r.Hold(fd)
			for _, data := range []string{"5\n", "6\n", "x"} {
				n, err := unix.Write(fd, []byte(data))
				_, _ = unix.Seek(fd, 0, unix.SEEK_SET)
				r.Say("write(%q) on = %d %s, now %s", data, n, Errno(err), Drain(fd))
			}
		},
	},
	{
		Name: "group/root-values", Calls: "write", Needs: Root | Groups,
		Run: func(r *Record) {
			for _, s := range rootSettings {
				fd, err := unix.Open(r.Path("cgroups/"+s.controller+"/"+s.file), unix.O_WRONLY, 0)
				must("open", err)
				n, err := unix.Write(r.Hold(fd), []byte(s.data))
				r.Say("write(%s, %q) = %d %s", s.file, s.data, n, Errno(err))
			}
		},
	},
	{
		Name: "group/below", Calls: "write mkdirat", Needs: Root | Groups,
		Run: func(r *Record) {
			dirs := map[string]string{}
			for _, controller := range Controllers {
				dirs[controller] = r.group(controller)
			}
			sub := func(controller, name string) string {
				dir := dirs[controller] + "/" + name
				_, err := call(unix.SYS_MKDIRAT, fdarg(unix.AT_FDCWD), cstr(dir), 0o755)
				r.Say("mkdirat %s/%s = %s", controller, name, Errno(err))
				return dir
			}
			// A quota is bounded by the one above, whichever is set first.
			r.put(dirs["cpu"], "cpu.cfs_quota_us", "50000")
			cpu := sub("cpu", "a")
			r.put(cpu, "cpu.cfs_quota_us", "60000")
			r.put(cpu, "cpu.cfs_quota_us", "40000")
			r.put(dirs["cpu"], "cpu.cfs_quota_us", "30000")
			r.put(cpu, "cpu.cfs_period_us", "50000")
			r.put(dirs["cpu"], "cpu.cfs_quota_us", "-1")
			// A cpuset is part of the one above.
			empty := sub("cpuset", "empty")
			r.put(empty, "cpuset.cpus", "0")
			r.put(empty, "cgroup.procs", "0")
			r.put(dirs["cpuset"], "cpuset.cpus", "0")
			r.put(dirs["cpuset"], "cpuset.mems", "0")
			r.put(empty, "cpuset.cpus", "0")
			r.put(empty, "cpuset.cpus", "0-1")
			r.put(dirs["cpuset"], "cpuset.cpus", "1")
			r.put(empty, "cpuset.cpu_exclusive", "1")
			r.put(dirs["cpuset"], "cgroup.clone_children", "1")
			clone := sub("cpuset", "clone")
			r.Say("clone has %s and %s", r.Content(clone+"/cpuset.cpus"), r.Content(clone+"/cpuset.mems"))
			// Frozen above, frozen below.
			frozen := sub("freezer", "a")
			r.put(dirs["freezer"], "freezer.state", "FROZEN")
			r.Say("below: %s %s %s", r.Content(frozen+"/freezer.state"), r.Content(frozen+"/freezer.self_freezing"), r.Content(frozen+"/freezer.parent_freezing"))
			r.put(frozen, "freezer.state", "THAWED")
			r.put(dirs["freezer"], "freezer.state", "THAWED")
			r.Say("below: %s %s %s", r.Content(frozen+"/freezer.state"), r.Content(frozen+"/freezer.self_freezing"), r.Content(frozen+"/freezer.parent_freezing"))
			// What is inherited.
			r.put(dirs["memory"], "memory.swappiness", "10")
			r.put(dirs["memory"], "notify_on_release", "1")
			memory := sub("memory", "a")
			r.Say("inherited: %s %s", r.Content(memory+"/memory.swappiness"), r.Content(memory+"/notify_on_release"))
		},
	},
	{
		Name: "group/devices", Calls: "write", Needs: Root | Groups | Mounts,
		Run: func(r *Record) {
			dir := r.group("devices")
			inner := dir + "/inner"
			rule := func(dir, label, file, text string) {
				fd, err := unix.Open(dir+"/"+file, unix.O_WRONLY, 0)
				must("open", err)
				n, err := unix.Write(fd, []byte(text))
				must("close", unix.Close(fd))
				r.Say("%s: %s %q = %d %s, now %s", label, file, text, n, Errno(err), r.Content(dir+"/devices.list"))
			}
			for _, text := range []string{"a", "a\n", "a *:* rwm", "c 1:3 rwm", "c 1:3", "c 1:3 ", "c 1:3 x", "c 1:3 rwmr", "c 1 3 r", "c x:3 r", "c *:* m", "b 8:* rw\n", "c 1:3\nr", "d 1:3 r", "", "c", "c 99999999999:1 r", "c 4294967295:1 r", "c 1:3 r\nwm"} {
				rule(dir, "deny", "devices.deny", text)
			}
			rule(dir, "all denied", "devices.deny", "a")
			for _, text := range []string{"c 1:3 rwm", "c 1:3 r", "c 1:5 r", "c 1:5 w", "b *:* m", "c 136:* rw"} {
				rule(dir, "allow", "devices.allow", text)
			}
			for _, text := range []string{"c 1:5 r", "c 136:1 r", "c 1:* r"} {
				rule(dir, "deny again", "devices.deny", text)
			}
			must("mkdir", unix.Mkdir(inner, 0o755))
			r.Say("below: %s", r.Content(inner+"/devices.list"))
			rule(inner, "below", "devices.allow", "c 1:9 r")
			rule(inner, "below", "devices.allow", "c 136:5 r")
			rule(inner, "below", "devices.allow", "a")
			rule(dir, "above", "devices.allow", "a")
			rule(dir, "above", "devices.deny", "c 1:3 w")
			r.Say("below: %s", r.Content(inner+"/devices.list"))
		},
	},
	{
		Name: "group/make", Calls: "mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2 openat", Needs: Root | Groups,
		Run: groupMake,
	},
	{
		Name: "group/umask", Calls: "mkdir", Needs: Root | Groups | Own,
		Run: func(r *Record) {
			dir := r.group("pids")
			unix.Umask(0o027)
			must("mkdir", unix.Mkdir(dir+"/masked", 0o777))
			var st unix.Stat_t
			must("stat", unix.Stat(dir+"/masked", &st))
			r.Say("%#o", st.Mode)
		},
		Takes: Umasks,
	},
	{
		Name: "group/make-as-nobody", Calls: "mkdir rmdir unlink rename openat", Needs: Nobody | Groups,
		Run: func(r *Record) {
			root := r.Path("cgroups/pids")
			r.Say("mkdir = %s", Errno(unix.Mkdir(root+"/conformance-nobody", 0o755)))
			r.Say("mkdir of what is there = %s", Errno(unix.Mkdir(root+"/tasks", 0o755)))
			r.Say("rmdir = %s", Errno(unix.Rmdir(root+"/conformance-nobody")))
			r.Say("unlink = %s", Errno(unix.Unlink(root+"/tasks")))
			r.Say("rename = %s", Errno(unix.Rename(root+"/tasks", root+"/x")))
			r.Say("chmod = %s", Errno(unix.Chmod(root+"/tasks", 0o666)))
			r.Say("chown = %s", Errno(unix.Chown(root+"/tasks", 65534, -1)))
			_, err := unix.Open(root+"/tasks", unix.O_WRONLY, 0)
			r.Say("open to write = %s", Errno(err))
			_, err = unix.Open(root+"/new", unix.O_WRONLY|unix.O_CREAT, 0o644)
			r.Say("create = %s", Errno(err))
		},
	},
	{
		Name: "group/attributes", Calls: "chmod fchmodat chown lchown fchownat fchmod fchown newfstatat", Needs: Root | Groups,
		Run: func(r *Record) {
			dir := r.group("pids")
			at := fdarg(unix.AT_FDCWD)
			say := func(what, path string, err error) {
				var st unix.Stat_t
				must("stat", unix.Stat(path, &st))
				r.Say("%s = %s, now %#o %d:%d", what, Errno(err), st.Mode, st.Uid, st.Gid)
			}
			for _, path := range []string{dir, dir + "/pids.max"} {
				say("chmod", path, unix.Chmod(path, 0o640))
				_, err := call(unix.SYS_FCHMODAT, at, cstr(path), 0o7755)
				say("fchmodat", path, err)
				say("chown", path, unix.Chown(path, 1, 2))
				say("lchown", path, unix.Lchown(path, -1, 3))
				_, err = call(unix.SYS_FCHOWNAT, at, cstr(path), 4, fdarg(-1)&0xffffffff, 0)
				say("fchownat", path, err)
				fd, err := unix.Open(path, unix.O_RDONLY, 0)
				must("open", err)
				r.Hold(fd)
				say("fchmod", path, unix.Fchmod(fd, 0o711))
				say("fchown", path, unix.Fchown(fd, 5, 6))
				var st unix.Stat_t
				must("fstat", unix.Fstat(fd, &st))
				r.Say("fstat: %#o %d:%d", st.Mode, st.Uid, st.Gid)
			}
			r.Say("chmod of nothing = %s", Errno(unix.Chmod(dir+"/nothing", 0o644)))
		},
	},
	{
		Name: "group/attributes-of-a-link", Calls: "lchown fchownat newfstatat", Needs: Root | Groups,
		Run: func(r *Record) {
			dir := r.group("pids")
			link := r.Tmp() + "/link"
			must("symlink", unix.Symlink(dir+"/pids.max", link))
			say := func(what string, err error) {
				var own, group unix.Stat_t
				must("lstat", unix.Lstat(link, &own))
				must("stat", unix.Stat(link, &group))
				r.Say("%s = %s, the link %d:%d, the file %d:%d", what, Errno(err), own.Uid, own.Gid, group.Uid, group.Gid)
			}
			at := fdarg(unix.AT_FDCWD)
			say("lchown", unix.Lchown(link, 1, 2))
			_, err := call(unix.SYS_FCHOWNAT, at, cstr(link), 3, 4, unix.AT_SYMLINK_NOFOLLOW)
			say("fchownat AT_SYMLINK_NOFOLLOW", err)
			say("chown", unix.Chown(link, 5, 6))
			_, err = call(unix.SYS_FCHOWNAT, at, cstr(link), 7, 8, 0)
			say("fchownat", err)
		},
	},
	{
		Name: "group/processes", Calls: "write read", Needs: Root | Groups | Own,
		Run: groupProcesses,
	},
	{
		Name: "group/pid-namespace", Calls: "write read", Needs: Root | Groups | Mounts | Own,
		Run: func(r *Record) {
			dir := r.group("pids")
			inner := dir + "/inner"
			must("mkdir", unix.Mkdir(inner, 0o755))
			child := r.sleeper()
			must("move", os.WriteFile(dir+"/tasks", []byte(strconv.Itoa(child.Process.Pid)), 0))
			r.Command("/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "/bin/sh", "-c", `
				echo "$$ sees no others: $(cat `+dir+`/cgroup.procs)"
				sleep 1000 & echo $! > `+dir+`/cgroup.procs
				echo "its child is there: $([ "$(cat `+dir+`/cgroup.procs)" = $! ] && echo yes)"
				echo 1 > `+inner+`/cgroup.procs
				read me < `+inner+`/cgroup.procs
				echo "it is there as $me: $(grep -c pids:.*/inner /proc/self/cgroup)"
				echo `+strconv.Itoa(child.Process.Pid)+` > `+inner+`/cgroup.procs || echo refused
				kill $!`)
			b, _ := os.ReadFile(dir + "/cgroup.procs")
			r.Say("outside: %v", strings.TrimSpace(string(b)) == strconv.Itoa(child.Process.Pid))
		},
		Takes: InnerPIDs,
	},
	{
		Name: "group/figures", Calls: "read", Needs: Root | Groups | Own,
		Run: groupFigures,
	},
	{
		Name: "group/relative", Calls: "openat mkdirat unlinkat getdents64 chdir getcwd", Needs: Root | Groups,
		Run: groupRelative,
	},
	{
		Name: "group/mounts", Calls: "statfs fstatfs newfstatat statx openat", Needs: Root | Groups,
		Run: groupMounts,
	},
	{
		// Each hierarchy is a mount of its own.
		Name: "group/openat2", Calls: "openat2", Needs: Root | Groups, Takes: Openat2,
		Run: func(r *Record) {
			root := r.Path("cgroups")
			for _, from := range []string{root, root + "/pids"} {
				dir := r.Fixture(from, unix.O_PATH|unix.O_DIRECTORY)
				for _, name := range []string{".", "..", "../..", "pids", "pids/", "pids/.", "pids/..", "pids/tasks", "pids/../pids/tasks", "tasks", "../pids", "../pids/tasks"} {
					for _, f := range resolveFlags {
						fd, err := openat2(dir, name, &unix.OpenHow{Flags: unix.O_RDONLY, Resolve: f.bits})
						if err == nil {
							unix.Close(fd)
						}
						r.Say("openat2(%q, %q, %s) = %s", strings.TrimPrefix(from, root), name, f.name, Errno(err))
					}
				}
			}
		},
	},
	{
		Name: "group/gone", Calls: "rmdir write openat getdents64", Needs: Root | Groups,
		Run: func(r *Record) {
			dir := r.group("pids") + "/gone"
			must("mkdir", unix.Mkdir(dir, 0o755))
			file, err := unix.Open(dir+"/pids.max", unix.O_RDWR, 0)
			must("open", err)
			folder, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			must("open", err)
			r.Hold(file)
			r.Hold(folder)
			r.Say("rmdir = %s", Errno(unix.Rmdir(dir)))
			_, err = unix.Write(file, []byte("1"))
			r.Say("write = %s", Errno(err))
			_, err = unix.Openat(folder, "pids.max", unix.O_RDONLY, 0)
			r.Say("openat below = %s", Errno(err))
			r.Say("mkdirat below = %s", Errno(unix.Mkdirat(folder, "x", 0o755)))
			must("mkdir", unix.Mkdir(dir, 0o755))
			_, err = unix.Openat(folder, "pids.max", unix.O_RDONLY, 0)
			r.Say("openat below, with another of that name = %s", Errno(err))
			r.Say("the new one says %s", r.Content(dir+"/pids.max"))
		},
	},
}

// tried writes the settings of some controllers to a group of each.
func tried(controllers ...string) func(*Record) {
	return func(r *Record) {
		dirs := map[string]string{}
		for _, controller := range controllers {
			dirs[controller] = r.group(controller)
		}
		for _, s := range settings {
			for _, data := range s.data {
				if dirs[s.controller] != "" {
					r.put(dirs[s.controller], s.file, data)
				}
			}
		}
	}
}

func groupMake(r *Record) {
	dir := r.group("pids")
	at := fdarg(unix.AT_FDCWD)
	for _, name := range []string{"a", "a", "a/", "b//", "c/d", ".", "..", "tasks", "pids.max/x", "new\nline", "", strings.Repeat("x", 255), strings.Repeat("x", 256), "a/b", "a/c"} {
		r.Say("mkdir(%.20q) = %s", name, Errno(unix.Mkdir(dir+"/"+name, 0o755)))
	}
	var st unix.Stat_t
	must("stat", unix.Stat(dir+"/a", &st))
	r.Say("a: %#o, %d links", st.Mode, st.Nlink)
	must("mkdir", unix.Mkdir(dir+"/masked", 0o700))
	for _, name := range []string{"new", "a/new"} {
		_, err := unix.Open(dir+"/"+name, unix.O_RDWR|unix.O_CREAT, 0o644)
		r.Say("create %s = %s", name, Errno(err))
	}
	_, err := unix.Open(dir+"/tasks", unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o644)
	r.Say("create what is there = %s", Errno(err))
	fd, err := unix.Open(dir+"/pids.max", unix.O_RDWR|unix.O_CREAT|unix.O_TRUNC, 0o644)
	r.Say("open with O_CREAT = %s", Errno(err))
	_ = unix.Close(fd)
	r.Say("truncate = %s", Errno(unix.Truncate(dir+"/pids.max", 0)))
	for _, name := range []string{"tasks", "a", "nothing", "."} {
		r.Say("unlink(%s) = %s", name, Errno(unix.Unlink(dir+"/"+name)))
		_, err := call(unix.SYS_UNLINKAT, at, cstr(dir+"/"+name), 0)
		r.Say("unlinkat(%s) = %s", name, Errno(err))
	}
	for _, pair := range [][2]string{
		{"a", "a"}, {"a", "z"}, {"z", "tasks"}, {"z", "masked"}, {"tasks", "y"}, {"tasks", "pids.max"}, {"tasks", "z"},
		{"nothing", "y"}, {"z", "masked/y"}, {"z", "z/y"}, {"z/b", "b"}, {".", "y"}, {"z", "new\nline"}, {"z", ".."}, {"z", "/tmp/conformance-y"}, {"/tmp", "y"}, {"z", "a"},
	} {
		from, to := pair[0], pair[1]
		for _, name := range []*string{&from, &to} {
			if (*name)[0] != '/' {
				*name = dir + "/" + *name
			}
		}
		r.Say("rename(%q, %q) = %s", pair[0], pair[1], Errno(unix.Rename(from, to)))
	}
	_, err = call(unix.SYS_RENAMEAT, at, cstr(dir+"/a"), at, cstr(dir+"/z"))
	r.Say("renameat = %s", Errno(err))
	for _, flags := range []uintptr{0, unix.RENAME_NOREPLACE, unix.RENAME_EXCHANGE, 1 << 10} {
		_, err = call(unix.SYS_RENAMEAT2, at, cstr(dir+"/z"), at, cstr(dir+"/y"), flags)
		r.Say("renameat2(%d) = %s", flags, Errno(err))
		_, err = call(unix.SYS_RENAMEAT2, at, cstr(dir+"/y"), at, cstr(dir+"/masked"), flags)
		r.Say("renameat2(%d) onto another = %s", flags, Errno(err))
	}
	for _, name := range []string{"y", "tasks", "nothing", "y/.", "y/..", "y/b/", "y/c", "y", "y"} {
		r.Say("rmdir(%s) = %s", name, Errno(unix.Rmdir(dir+"/"+name)))
	}
	_, err = call(unix.SYS_UNLINKAT, at, cstr(dir+"/masked"), unix.AT_REMOVEDIR)
	r.Say("unlinkat(AT_REMOVEDIR) = %s", Errno(err))
	_, err = call(unix.SYS_UNLINKAT, at, cstr(dir+"/masked"), 1)
	r.Say("unlinkat(1) = %s", Errno(err))
	r.Say("access: %s %s %s", Errno(unix.Access(dir, unix.W_OK)), Errno(unix.Access(dir+"/tasks", unix.X_OK)), Errno(unix.Access(dir+"/pids.current", unix.W_OK)))
}

// path is what /proc/PID/cgroup says of a controller, below the row's group.
func groupOf(pid int, controller, below string) string {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
	if err != nil {
		return Errno(err)
	}
	for _, line := range strings.Split(string(b), "\n") {
		if f := strings.SplitN(line, ":", 3); len(f) == 3 && f[1] == controller {
			return strings.ReplaceAll(f[2], filepath.Base(below), "{}")
		}
	}
	return "nothing"
}

func groupProcesses(r *Record) {
	dir := r.group("pids")
	child := r.sleeper()
	known := map[string]string{strconv.Itoa(child.Process.Pid): "child", strconv.Itoa(os.Getpid()): "self"}
	procs := func(file string) string {
		b, err := os.ReadFile(dir + "/" + file)
		if err != nil {
			return Errno(err)
		}
		var names []string
		for _, pid := range strings.Fields(string(b)) {
			if known[pid] == "" {
				known[pid] = fmt.Sprintf("another %d", len(known)-1)
			}
			names = append(names, known[pid])
		}
		return strings.Join(names, " ")
	}
	pid := child.Process.Pid
	move := func(to, text string) {
		fd, err := unix.Open(to, unix.O_WRONLY, 0)
		must("open", err)
		n, err := unix.Write(fd, []byte(text))
		must("close", unix.Close(fd))
		r.Say("move to %s = %d %s", filepath.Base(to), min(n, 1), Errno(err))
	}
	r.Say("at first: %q, %s", procs("cgroup.procs"), groupOf(pid, "pids", dir))
	move(dir+"/cgroup.procs", strconv.Itoa(pid)+"\n")
	r.Say("then: %q, tasks %q, %s", procs("cgroup.procs"), procs("tasks"), groupOf(pid, "pids", dir))
	r.Say("pids.current: %s", r.Content(dir+"/pids.current"))
	r.Say("rmdir = %s", Errno(unix.Rmdir(dir)))
	must("mkdir", unix.Mkdir(dir+"/inner", 0o755))
	move(dir+"/inner/tasks", " "+strconv.Itoa(pid)+" ")
	r.Say("in the inner one: %q here, %s, %s here, %s there", procs("cgroup.procs"), groupOf(pid, "pids", dir), r.Content(dir+"/pids.current"), r.Content(dir+"/inner/pids.current"))
	r.Say("rmdir of the inner one = %s", Errno(unix.Rmdir(dir+"/inner")))
	must("kill", unix.Kill(pid, unix.SIGKILL))
	_ = child.Wait()
	r.Say("after its end: %s there", r.Content(dir+"/inner/cgroup.procs"))
	r.Say("rmdir of the inner one = %s", Errno(unix.Rmdir(dir+"/inner")))
	// Children begin where their parent is.
	move(dir+"/cgroup.procs", "0")
	r.Say("self: %q, %s", procs("cgroup.procs"), groupOf(os.Getpid(), "pids", dir))
	heir := r.sleeper()
	known[strconv.Itoa(heir.Process.Pid)] = "heir"
	move(filepath.Dir(dir)+"/cgroup.procs", strconv.Itoa(os.Getpid()))
	r.Say("the heir stays: %q, %s; self is in %s", procs("cgroup.procs"), groupOf(heir.Process.Pid, "pids", dir), groupOf(os.Getpid(), "pids", dir))
	must("kill", heir.Process.Kill())
	_ = heir.Wait()
	r.Say("nobody: %q", procs("cgroup.procs"))
}

func groupFigures(r *Record) {
	acct, memory := r.group("cpuacct"), r.group("memory")
	number := func(path string) int64 {
		b, _ := os.ReadFile(path)
		n, err := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
		if err != nil {
			return -1
		}
		return n
	}
	busy := r.spinner()
	pid := strconv.Itoa(busy.Process.Pid)
	for _, dir := range []string{acct, memory} {
		must("move", os.WriteFile(dir+"/cgroup.procs", []byte(pid), 0))
	}
	first := number(acct + "/cpuacct.usage")
	r.wait(func() bool { return number(acct+"/cpuacct.usage") > first })
	later := number(acct + "/cpuacct.usage")
	r.Say("it uses time: %v", later > first)
	r.Say("of that, as user and as system: %v", number(acct+"/cpuacct.usage_user") >= 0 && number(acct+"/cpuacct.usage_sys") >= 0)
	r.Say("its part is in the whole: %v", number(r.Path("cgroups/cpuacct/cpuacct.usage")) >= later)
	r.Say("its memory is not less than nothing: %v", number(memory+"/memory.usage_in_bytes") >= 0)
	r.Say("the most was not less than that: %v", number(memory+"/memory.max_usage_in_bytes") >= number(memory+"/memory.usage_in_bytes"))
	b, _ := os.ReadFile(memory + "/memory.stat")
	for _, key := range []string{"cache ", "rss ", "total_rss ", "hierarchical_memory_limit 9223372036854771712", "total_inactive_file ", "inactive_file ", "pgfault "} {
		r.Say("memory.stat has %q: %v", key, strings.Contains("\n"+string(b), "\n"+key))
	}
	must("kill", busy.Process.Kill())
	_ = busy.Wait()
	r.Say("what was used stays used: %v", number(acct+"/cpuacct.usage") >= later)
}

func groupRelative(r *Record) {
	dir := r.group("freezer")
	folder, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must("open", err)
	r.Hold(folder)
	r.Say("mkdirat = %s", Errno(unix.Mkdirat(folder, "a", 0o755)))
	inner, err := unix.Openat(folder, "a", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	r.Say("openat(a) = %s", Errno(err))
	r.Hold(inner)
	for _, name := range []string{"freezer.state", "../freezer.state", "../a/freezer.state", "nothing", "..", "../../tasks"} {
		fd, err := unix.Openat(inner, name, unix.O_RDONLY, 0)
		r.Say("openat(a, %s) = %s", name, Errno(err))
		if err == nil {
			_ = unix.Close(fd)
		}
	}
	fd, err := unix.Openat(folder, "freezer.state", unix.O_WRONLY, 0)
	must("openat", err)
	n, err := unix.Write(r.Hold(fd), []byte("FROZEN"))
	r.Say("write = %d %s, now %s", n, Errno(err), r.Content(dir+"/a/freezer.state"))
	must("write", os.WriteFile(dir+"/freezer.state", []byte("THAWED"), 0))
	r.Say("chdir = %s", Errno(unix.Chdir(dir+"/a")))
	wd, err := unix.Getwd()
	r.Say("getcwd = %v %s", wd == dir+"/a", Errno(err))
	r.Say("mkdir(b) = %s, mkdir(../c) = %s", Errno(unix.Mkdir("b", 0o755)), Errno(unix.Mkdir("../c", 0o755)))
	entries, err := os.ReadDir(".")
	var names []string
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), "freezer.") || e.Name() == "tasks" {
			names = append(names, e.Name())
		}
	}
	r.Say("ReadDir(.) = %s %s", strings.Join(names, " "), Errno(err))
	entries, _ = os.ReadDir(dir)
	names = nil
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	r.Say("folders above: %s", strings.Join(names, " "))
	r.Say("rmdir(b) = %s, rmdir(../c) = %s", Errno(unix.Rmdir("b")), Errno(unix.Unlinkat(folder, "c", unix.AT_REMOVEDIR)))
	var here, there unix.Stat_t
	must("stat", unix.Stat(".", &here))
	must("stat", unix.Stat(dir+"/a", &there))
	r.Say("the same: %v", here.Ino == there.Ino && here.Dev == there.Dev)
	must("chdir", unix.Chdir("/"))
	r.Say("rmdir(a) = %s", Errno(unix.Rmdir(dir+"/a")))
}

func groupMounts(r *Record) {
	lines, err := mountinfo("/proc/self/mountinfo")
	must("mountinfo", err)
	b, _ := os.ReadFile("/proc/self/mounts")
	all, _ := os.ReadFile("/proc/cgroups")
	types, _ := os.ReadFile("/proc/filesystems")
	r.Say("known: %v", strings.Contains(string(types), "nodev\tcgroup\n"))
	seen := map[uint64]bool{}
	var top unix.Statfs_t
	err = statfs(r.Path("cgroups"), &top)
	r.Say("the root: statfs %#x %s", top.Type, Errno(err))
	for _, controller := range Controllers {
		dir := r.Path("cgroups/" + controller)
		m := mounted(lines, dir)
		r.Say("%s: mountinfo %s, mounts: %v, /proc/cgroups: %v, /proc/self/cgroup: %v", controller, m.kind,
			strings.Contains(string(b), " "+dir+" cgroup rw,"), strings.Contains("\n"+string(all), "\n"+controller+"\t"), groupOf(os.Getpid(), controller, dir) != "nothing")
		var st, in unix.Stat_t
		must("stat", unix.Stat(dir, &st))
		must("stat", unix.Stat(dir+"/tasks", &in))
		r.Say("its device as mountinfo says: %v, of its files too: %v, of its own: %v", devOf(&st) == m.dev, st.Dev == in.Dev, !seen[st.Dev])
		seen[st.Dev] = true
		var fs unix.Statfs_t
		err := statfs(dir, &fs)
		r.Say("statfs %#x %s, %d blocks, names of %d", fs.Type, Errno(err), fs.Blocks, fs.Namelen)
		err = statfs(dir+"/tasks", &fs)
		r.Say("of a file %#x %s", fs.Type, Errno(err))
		for _, flags := range []int{unix.O_RDONLY, unix.O_PATH} {
			for _, name := range []string{"", "/tasks"} {
				fd, err := unix.Open(dir+name, flags, 0)
				must("open", err)
				_, err = call(unix.SYS_FSTATFS, fdarg(r.Hold(fd)), pointer(&fs))
				r.Say("fstatfs of %q %#x %s", name, fs.Type, Errno(err))
			}
		}
	}
}
