package cases

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// unifiedGroup makes a group below the root of cgroup v2 for a row.
func (r *Record) unifiedGroup() string { return r.groupBelow(r.Path("unified")) }

// controllers are those that the root has.
func (r *Record) controllers() []string {
	b, err := os.ReadFile(r.Path("unified") + "/cgroup.controllers")
	must("read", err)
	return strings.Fields(string(b))
}

// enable has groups below the root have all controllers. Others may have done so.
func (r *Record) enable() {
	for _, controller := range r.controllers() {
		must("enable", os.WriteFile(r.Path("unified")+"/cgroup.subtree_control", []byte("+"+controller), 0))
	}
}

// unifiedFiles are in every group; a newer kernel may have more.
var unifiedFiles = []string{
	"cgroup.controllers", "cgroup.events", "cgroup.freeze", "cgroup.kill", "cgroup.max.depth", "cgroup.max.descendants", "cgroup.procs",
	"cgroup.subtree_control", "cgroup.threads", "cgroup.type", "cgroup.pressure", "cpu.pressure", "io.pressure", "memory.pressure",
}

// unifiedSettings are what is written to a group, in order.
var unifiedSettings = []struct {
	file string
	data []string
}{
	{"cgroup.max.depth", append([]string{"max", " max\n", "0", "2147483647", "2147483648"}, numbers...)},
	{"cgroup.max.descendants", []string{"1", "-1", "x", "max"}},
	{"cgroup.freeze", []string{"1", "0", "2", "-1", "x", "", "0\n"}},
	{"cgroup.kill", []string{"0", "2", "x", "", "1"}},
	{"cgroup.procs", []string{"x", "", "-1", "999999999", "99999999999", "1x", "0x"}},
	{"cgroup.threads", []string{"x", "-1", "999999999"}},
	{"cgroup.events", []string{"x"}},
	{"cgroup.controllers", []string{"x"}},
	{"hugetlb.2MB.max", []string{"100M", "0", "max", "1", "4M\n", "-1", "x", "", "2097153", "99999999999999999999"}},
	{"hugetlb.2MB.current", []string{"0"}},
	{"cgroup.type", []string{"domain", "x", "", "threaded "}},
}

var unifiedCases = []Case{
	{
		Name: "unified/files", Calls: "mkdir openat read newfstatat", Needs: Root | Unified,
		Run: func(r *Record) {
			r.enable()
			dir, root := r.unifiedGroup(), r.Path("unified")
			all := unifiedFiles
			for _, c := range r.controllers() {
				if c == "hugetlb" {
					all = append(all, "hugetlb.2MB.current", "hugetlb.2MB.max", "hugetlb.2MB.events", "hugetlb.2MB.rsvd.current", "hugetlb.2MB.numa_stat")
				}
			}
			for _, file := range all {
				var st unix.Stat_t
				err := unix.Stat(dir+"/"+file, &st)
				says := "(not read)" // the kernel opens a file that can only be written, and then fails to read
				if st.Mode&0o444 != 0 && !strings.HasSuffix(file, ".pressure") {
					says = r.Content(dir + "/" + file)
				}
				r.Say("%s: %s %#o %d links, %d bytes, says %s", file, Errno(err), st.Mode, st.Nlink, st.Size, says)
				err = unix.Stat(root+"/"+file, &st)
				r.Say("%s of the root: %s", file, Errno(err))
			}
		},
	},
	{
		Name: "unified/values", Calls: "write openat", Needs: Root | Unified,
		Run: func(r *Record) {
			r.enable()
			dir := r.unifiedGroup()
			for _, s := range unifiedSettings {
				for _, data := range s.data {
					r.putUnread(dir, s.file, data)
				}
			}
		},
	},
	{
		Name: "unified/control", Calls: "write mkdir rmdir", Needs: Root | Unified | Own,
		Run: unifiedControl,
	},
	{
		Name: "unified/processes", Calls: "write read", Needs: Root | Unified | Own,
		Run: unifiedProcesses,
	},
	{
		Name: "unified/threads", Calls: "write read", Needs: Root | Unified | Own,
		Run: unifiedThreads,
	},
	{
		Name: "unified/kill", Calls: "write", Needs: Root | Unified | Own,
		Run: unifiedKill,
	},
	{
		Name: "unified/make", Calls: "mkdir rmdir rename write", Needs: Root | Unified,
		Run: func(r *Record) {
			dir := r.unifiedGroup()
			r.putUnread(dir, "cgroup.max.depth", "1")
			r.putUnread(dir, "cgroup.max.descendants", "2")
			for _, name := range []string{"a", "a/b", "b", "c", "tasks", "cgroup.procs", "a\nb", "a"} {
				r.Say("mkdir %q = %s", name, Errno(unix.Mkdir(dir+"/"+name, 0o755)))
			}
			r.Say("rename = %s", Errno(unix.Rename(dir+"/a", dir+"/z")))
			r.Say("rename to itself = %s", Errno(unix.Rename(dir+"/a", dir+"/a")))
			r.Say("rename a file = %s", Errno(unix.Rename(dir+"/cgroup.procs", dir+"/z")))
			r.Say("rename nothing = %s", Errno(unix.Rename(dir+"/nothing", dir+"/z")))
			r.Say("rmdir of a file = %s", Errno(unix.Rmdir(dir+"/cgroup.procs")))
			r.Say("unlink = %s", Errno(unix.Unlink(dir+"/cgroup.procs")))
			r.Say("rmdir = %s, %s", Errno(unix.Rmdir(dir+"/a")), Errno(unix.Rmdir(dir+"/a")))
			r.Say("mkdir c = %s", Errno(unix.Mkdir(dir+"/c", 0o755)))
		},
	},
	{Name: "unified/watch", Calls: "inotify_add_watch write", Needs: Root | Unified, Run: unifiedWatch},
	{
		Name: "unified/namespace", Calls: "unshare", Needs: Root | Unified | Mounts | Own,
		Run: func(r *Record) {
			dir := r.unifiedGroup()
			must("mkdir", unix.Mkdir(dir+"/a", 0o755))
			must("move", os.WriteFile(dir+"/a/cgroup.procs", []byte("0"), 0))
			child := r.sleeper()
			r.Say("before: %s", groupOf(os.Getpid(), "", dir))
			r.Say("unshare = %s", Errno(unix.Unshare(unix.CLONE_NEWCGROUP)))
			r.Say("after: %s, child %s", groupOf(os.Getpid(), "", dir), groupOf(child.Process.Pid, "", dir))
			after := r.sleeper()
			r.Say("a later child: %s", groupOf(after.Process.Pid, "", dir))
			must("kill", child.Process.Kill())
			must("kill", after.Process.Kill())
			_, _ = child.Wait(), after.Wait()
			_ = os.WriteFile(filepath.Dir(dir)+"/cgroup.procs", []byte("0"), 0)
		},
		Not: map[string]string{"": "a mount made before still shows all groups, and here none does: the row would not get out of its group again"},
	},
}

// putUnread makes one write, and says what the file says then, if it can be read.
func (r *Record) putUnread(dir, file, data string) {
	fd, err := unix.Open(dir+"/"+file, unix.O_WRONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		r.Say("open %s to write: %s", file, Errno(err))
		return
	}
	n, err := unix.Write(fd, []byte(data))
	now := "unread"
	if file != "cgroup.kill" {
		now = r.Content(dir + "/" + file)
	}
	r.Say("write(%s, %.40q) = %d %s, now %s", file, data, n, Errno(err), now)
	must("close", unix.Close(fd))
}

func unifiedControl(r *Record) {
	r.enable()
	dir := r.unifiedGroup()
	for _, name := range []string{"a", "a/b"} {
		must("mkdir", unix.Mkdir(dir+"/"+name, 0o755))
	}
	for _, data := range []string{"", " ", "x", "+", "-", "+x", "hugetlb", "*hugetlb", "+perf_event", "-perf_event", "+devices", "+freezer", "+cpuacct", "+hugetlb -x"} {
		r.putUnread(dir, "cgroup.subtree_control", data)
	}
	for _, c := range r.controllers() {
		r.Say("below: %s", r.Content(dir+"/a/cgroup.controllers"))
		r.putUnread(dir+"/a", "cgroup.subtree_control", "+"+c)
		r.putUnread(dir, "cgroup.subtree_control", "+"+c+"\n")
		r.Say("below: %s", r.Content(dir+"/a/cgroup.controllers"))
		r.putUnread(dir+"/a", "cgroup.subtree_control", " -"+c+"  +"+c+" ")
		r.putUnread(dir, "cgroup.subtree_control", "-"+c)
		r.putUnread(dir+"/a", "cgroup.subtree_control", "+"+c+" -"+c)
		r.Say("a file: %s", Errno(unix.Access(dir+"/a/hugetlb.2MB.max", unix.F_OK)))
		r.putUnread(dir, "cgroup.subtree_control", "-"+c)
		r.Say("a file: %s", Errno(unix.Access(dir+"/a/hugetlb.2MB.max", unix.F_OK)))
		// No processes beside groups that have a controller.
		child := r.sleeper()
		pid := strconv.Itoa(child.Process.Pid)
		r.Say("move = %s", Errno(os.WriteFile(dir+"/cgroup.procs", []byte(pid), 0)))
		r.putUnread(dir, "cgroup.subtree_control", "+"+c)
		r.Say("move = %s", Errno(os.WriteFile(dir+"/a/b/cgroup.procs", []byte(pid), 0)))
		r.putUnread(dir, "cgroup.subtree_control", "+"+c)
		r.Say("move back = %s", Errno(os.WriteFile(dir+"/cgroup.procs", []byte(pid), 0)))
		must("kill", child.Process.Kill())
		_ = child.Wait()
		r.putUnread(dir, "cgroup.subtree_control", "-"+c)
	}
}

func unifiedProcesses(r *Record) {
	dir := r.unifiedGroup()
	must("mkdir", unix.Mkdir(dir+"/a", 0o755))
	child := r.sleeper()
	pid := strconv.Itoa(child.Process.Pid)
	events := func() string {
		return strings.Join(strings.Fields(r.Content(dir+"/cgroup.events")), " ") + " and " + r.Content(dir+"/a/cgroup.events")
	}
	r.Say("%s", events())
	r.Say("move = %s, in %s", Errno(os.WriteFile(dir+"/a/cgroup.procs", []byte(pid+"\n"), 0)), groupOf(child.Process.Pid, "", dir))
	b, _ := os.ReadFile(dir + "/a/cgroup.procs")
	r.Say("it is there: %v, above: %s", string(b) == pid+"\n", r.Content(dir+"/cgroup.procs"))
	r.Say("%s", events())
	r.Say("rmdir = %s", Errno(unix.Rmdir(dir+"/a")))
	r.Say("self = %s, in %s", Errno(os.WriteFile(dir+"/cgroup.procs", []byte("0"), 0)), groupOf(os.Getpid(), "", dir))
	heir := r.sleeper()
	r.Say("a child is in %s", groupOf(heir.Process.Pid, "", dir))
	r.Say("self = %s", Errno(os.WriteFile(filepath.Dir(dir)+"/cgroup.procs", []byte("0"), 0)))
	must("kill", child.Process.Kill())
	must("kill", heir.Process.Kill())
	_, _ = child.Wait(), heir.Wait()
	r.Say("%s", events())
}

func unifiedThreads(r *Record) {
	dir := r.unifiedGroup()
	for _, name := range []string{"a", "b", "a/c"} {
		must("mkdir", unix.Mkdir(dir+"/"+name, 0o755))
	}
	types := func(when string) {
		for _, name := range []string{".", "a", "b", "a/c"} {
			r.Say("%s: %s is %s", when, name, r.Content(dir+"/"+name+"/cgroup.type"))
		}
	}
	types("at first")
	child := r.sleeper()
	pid := strconv.Itoa(child.Process.Pid)
	r.Say("move = %s", Errno(os.WriteFile(dir+"/a/cgroup.procs", []byte(pid), 0)))
	r.putUnread(dir+"/a", "cgroup.type", "threaded")
	r.Say("a thread elsewhere = %s", Errno(os.WriteFile(dir+"/b/cgroup.threads", []byte(pid), 0)))
	r.Say("move = %s", Errno(os.WriteFile(dir+"/cgroup.procs", []byte(pid), 0)))
	r.putUnread(dir+"/a", "cgroup.type", "threaded")
	types("a is threaded")
	r.Say("into what is invalid = %s", Errno(os.WriteFile(dir+"/b/cgroup.procs", []byte(pid), 0)))
	r.putUnread(dir+"/b", "cgroup.type", "threaded\n")
	types("b too")
	r.Say("a thread = %s", Errno(os.WriteFile(dir+"/a/cgroup.threads", []byte(pid), 0)))
	_, err := os.ReadFile(dir + "/a/cgroup.procs")
	r.Say("its processes: %s", Errno(err))
	b, _ := os.ReadFile(dir + "/cgroup.procs")
	t, _ := os.ReadFile(dir + "/a/cgroup.threads")
	r.Say("the domain has it: %v, and the thread is in a: %v", string(b) == pid+"\n", string(t) == pid+"\n")
	r.putUnread(dir+"/a", "cgroup.kill", "1")
	r.putUnread(dir+"/a", "cgroup.type", "domain")
	r.Say("out of the domain = %s", Errno(os.WriteFile(filepath.Dir(dir)+"/cgroup.threads", []byte(pid), 0)))
	must("kill", child.Process.Kill())
	_ = child.Wait()
}

func unifiedKill(r *Record) {
	dir := r.unifiedGroup()
	must("mkdir", unix.Mkdir(dir+"/a", 0o755))
	child := r.sleeper()
	pid := strconv.Itoa(child.Process.Pid)
	must("move", os.WriteFile(dir+"/a/cgroup.procs", []byte(pid), 0))
	r.putUnread(dir, "cgroup.freeze", "1")
	r.wait(func() bool { return strings.Contains(r.Content(dir+"/a/cgroup.events"), "frozen 1") })
	r.Say("frozen: %s and below %s", r.Content(dir+"/a/cgroup.events"), r.Content(dir+"/a/cgroup.freeze"))
	r.putUnread(dir, "cgroup.freeze", "0")
	r.wait(func() bool { return strings.Contains(r.Content(dir+"/a/cgroup.events"), "frozen 0") })
	r.Say("thawed: %s", r.Content(dir+"/a/cgroup.events"))
	r.putUnread(dir, "cgroup.kill", "1")
	state, err := child.Process.Wait()
	must("wait", err)
	r.Say("it ended by %s, %s", state, r.Content(dir+"/cgroup.events"))
}

// unifiedWatch waits for a group to be populated, frozen and left, as its events say.
func unifiedWatch(r *Record) {
	dir := r.unifiedGroup()
	must("mkdir", unix.Mkdir(dir+"/a", 0o755))
	ino, err := unix.InotifyInit1(unix.IN_NONBLOCK)
	must("inotify_init1", err)
	r.Hold(ino)
	wd, err := call(unix.SYS_INOTIFY_ADD_WATCH, fdarg(ino), cstr(dir+"/a/cgroup.events"), unix.IN_MODIFY)
	again, _ := call(unix.SYS_INOTIFY_ADD_WATCH, fdarg(ino), cstr(dir+"/a/cgroup.events"), unix.IN_MODIFY)
	r.Say("inotify_add_watch = %s, again the same: %v", Errno(err), wd > 0 && again == wd)
	await := func(what string) {
		seen := uint32(0)
		r.wait(func() bool {
			seen |= watchEvents(ino, int32(wd))
			return seen != 0
		})
		r.Say("%s: %#x", what, seen)
	}
	child := r.sleeper()
	must("move", os.WriteFile(dir+"/a/cgroup.procs", []byte(strconv.Itoa(child.Process.Pid)), 0))
	await("populated")
	must("freeze", os.WriteFile(dir+"/cgroup.freeze", []byte("1"), 0))
	await("frozen")
	must("thaw", os.WriteFile(dir+"/cgroup.freeze", []byte("0"), 0))
	await("thawed")
	must("kill", child.Process.Kill())
	_ = child.Wait()
	await("left")
	r.Say("%s", r.Content(dir+"/a/cgroup.events"))
}

// watchEvents are the events of a watch that have come, together.
func watchEvents(ino int, wd int32) (mask uint32) {
	buf := make([]byte, 4096)
	n, _ := unix.Read(ino, buf)
	for b := buf[:max(n, 0)]; len(b) >= unix.SizeofInotifyEvent; {
		if int32(binary.NativeEndian.Uint32(b)) == wd {
			mask |= binary.NativeEndian.Uint32(b[4:])
		}
		b = b[unix.SizeofInotifyEvent+int(binary.NativeEndian.Uint32(b[12:])):]
	}
	return mask
}
