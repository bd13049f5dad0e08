package fakefs

import (
	"errors"
	"io/fs"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// fakeView is a machine of a few files, seen by one reader.
type fakeView struct {
	name  string // what Real means
	files map[string]string
}

func (v fakeView) Real() ([]byte, error) { return v.ReadFile(v.name) }

func (v fakeView) ReadFile(name string) ([]byte, error) {
	if data, ok := v.files[name]; ok {
		return []byte(data), nil
	}
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
}

func (v fakeView) Statfs(string) (Statfs, error) {
	return Statfs{Type: 0x01021997, Bsize: 4096, Blocks: 1000, Bfree: 500, Bavail: 400}, nil
}

// fakeMachine has a mountinfo.
type fakeMachine string

func (m fakeMachine) Mountinfo() ([]byte, error) { return []byte(m), nil }

const gvisorMounts = `8 8 0:8 / / rw  - 9p none rw,trans=fd,rfdno=3,wfdno=3,aname=/,cache=fscache
9 8 0:6 / /dev rw  - tmpfs none rw,mode=0755
12 8 0:11 / /proc rw  - proc none rw,dentry_cache_limit=1000
13 8 0:12 / /var/lib/rancher rw  - 9p none ro,trans=fd,rfdno=4
`

func mustTree(t testing.TB, opt LoadOptions) *Tree {
	t.Helper()
	p, err := Load(opt)
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(fakeMachine(gvisorMounts))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func read(t testing.TB, tree *Tree, name string, files map[string]string) string {
	t.Helper()
	node := tree.Lookup(name)
	if node == nil || node.Content == nil {
		t.Fatalf("%s: not served", name)
	}
	data, err := node.Content.Read(fakeView{name: name, files: files})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(data)
}

func TestBuiltinsLoad(t *testing.T) {
	for _, name := range Builtins() {
		tree := mustTree(t, LoadOptions{Profiles: []string{name}})
		t.Log(name, len(tree.Nodes()), tree.Roots())
	}
}

func TestKubernetesTree(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"k3s"}})
	files := map[string]string{
		"/proc/1/mountinfo":                      gvisorMounts,
		"/proc/self/mountinfo":                   gvisorMounts,
		"/proc/1/mounts":                         "none / 9p rw,trans=fd,rfdno=3 0 0\nnone /dev tmpfs rw 0 0\n",
		"/proc/stat":                             "cpu 1 2\ncpu0 1\ncpu1 1\nbtime 12\n",
		"/sys/fs/cgroup/cpuacct/a/cpuacct.usage": "29680000001\n",
	}
	for name, want := range map[string]string{
		"/proc/sys/kernel/panic":                        "10\n",
		"/proc/sys/net/ipv4/tcp_rmem":                   "4096\t131072\t6291456\n",
		"/sys/dev/block":                                "",
		"/proc/1/mounts":                                "/dev/shim8 / ext4 rw,relatime 0 0\nnone /dev tmpfs rw 0 0\n",
		"/proc/filesystems":                             "\text4\n",
		"/sys/block/shim12":                             "",
		"/sys/devices/virtual/block/shim12/size":        "8000\n",
		"/sys/devices/virtual/block/shim12/ro":          "1\n",
		"/sys/fs/cgroup/cpuacct/a/cpuacct.usage_percpu": "14840000001 14840000000 \n",
	} {
		if want == "" {
			if tree.Lookup(name) == nil {
				t.Errorf("%s: not served", name)
			}
			continue
		}
		if got := read(t, tree, name, files); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got := read(t, tree, "/proc/1/mountinfo", files); !strings.HasPrefix(got, "8 8 0:8 / / rw  - ext4 /dev/shim8 rw,relatime\n") {
		t.Errorf("mountinfo: %s", got)
	}
	if node := tree.Lookup("/dev/shim8"); node == nil || node.Rdev != unix.Mkdev(0, 8) {
		t.Errorf("/dev/shim8: %+v", node)
	}
	node := tree.Lookup("/proc/sys/kernel/panic")
	if _, err := node.Content.Write(fakeView{}, []byte("nonsense\n"), 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("writing nonsense: %v", err)
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"k3s"}})
	for _, name := range []string{
		"/proc/sys/kernel/panic", "/proc/sys", "/dev/kmsg",
		"/", "/proc/123/status", "/usr/lib/x86_64-linux-gnu/libc.so.6", "/dev/null", "/sys/class/net/lo/mtu",
		"/sys/fs/cgroup/cpuacct/a/b/cgroup.procs", "/proc/self/fd/3", "/x/mountinfo",
	} {
		if n := testing.AllocsPerRun(100, func() { tree.Lookup(name) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"/proc/*/mountinfo", "/proc/1/mountinfo", true},
		{"/proc/*/mountinfo", "/proc/mountinfo", false},
		{"/proc/*/mountinfo", "/proc/1/task/2/mountinfo", false},
		{"/proc/*/task/*/mountinfo", "/proc/1/task/2/mountinfo", true},
		{"/a/**/z", "/a/z", true},
		{"/a/**/z", "/a/b/c/z", true},
		{"/a/**/z", "/a/z/z", true},
		{"/a/**/z", "/a/b", false},
		{"/a/**/b/**/z", "/a/x/b/y/z", true},
		{"/a/**/b/**/z", "/a/x/y/z", false},
		{"/sys/cpu*/id", "/sys/cpu12/id", true},
		{"/sys/cpu*/id", "/sys/cp/id", false},
		{"/a/*.txt", "/a/b.txt", true},
		{"/a/*.txt", "/a/b/c.txt", false},
		{"/a/[bc]", "/a/c", true},
	} {
		p := newPattern(c.pattern, nil)
		if got := p.matches(c.name); got != c.want {
			t.Errorf("%s, %s: %v", c.pattern, c.name, got)
		}
		ps := newPatterns()
		ps.add(p)
		if got := ps.find(c.name) != nil; got != c.want {
			t.Errorf("%s among patterns, %s: %v", c.pattern, c.name, got)
		}
	}
}

func names(entries []Entry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Name)
	}
	return strings.Join(all, " ")
}

func TestChildrenAndRoots(t *testing.T) {
	p, err := Parse("p.yaml", []byte(`
sysctls: {kernel.panic: 1, vm.swappiness: 2}
files:
  /dev/kmsg: {stream: kmsg}
  /sys/fs/cgroup/**/extra: {content: x}
  /sys/fs/cgroup/a*: {content: y}
  /opt/dir: {directory: true}
  /opt/dir/link: {link: /etc}
filesystems: [{match: {type: 9p}, report: {type: ext4}}]
`))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(fakeMachine(gvisorMounts))
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"/":                          "dev opt proc sys",
		"/dev":                       "kmsg shim12 shim8",
		"/proc":                      "diskstats filesystems partitions sys",
		"/proc/1":                    "",
		"/proc/sys":                  "kernel vm",
		"/sys/fs/cgroup":             "extra",
		"/sys/fs/cgroup/b/c":         "extra",
		"/sys/dev/block":             "0:12 0:8",
		"/sys/block":                 "shim12 shim8",
		"/opt":                       "dir",
		"/opt/dir":                   "link",
		"/etc":                       "",
		"/sys/devices/virtual/block": "shim12 shim8",
	} {
		if got := names(tree.Children(dir)); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
	if got, want := strings.Join(tree.Roots(), " "), "/dev /opt /proc /sys"; got != want {
		t.Errorf("roots: %q, want %q", got, want)
	}
	if got := strings.Join(mustTree(t, LoadOptions{Set: []string{"kernel.panic=1", "kernel.panic_on_oops=1"}}).Roots(), " "); got != "/proc/sys/kernel" {
		t.Errorf("roots of sysctls: %q", got)
	}
	for _, name := range []string{"/proc/7/mountinfo", "/sys/fs/cgroup/abc", "/sys/fs/cgroup/x/extra"} {
		if n := tree.Lookup(name); n == nil || n.Pattern == "" || n.Name != name {
			t.Errorf("%s: %+v", name, n)
		}
	}
	if n := tree.Lookup("/proc/7/mountinfo"); !n.WhenPresent || n.WhenMissing {
		t.Errorf("%+v", n)
	}
	seen := map[uint64]string{}
	for _, n := range tree.Nodes() {
		if seen[n.Ino] != "" || n.Ino == 0 {
			t.Errorf("%s and %s have one inode number", n.Name, seen[n.Ino])
		}
		seen[n.Ino] = n.Name
	}
}

// movingMachine has mounts that come and go.
type movingMachine struct{ mounts string }

func (m *movingMachine) Mountinfo() ([]byte, error) { return []byte(m.mounts), nil }

func TestDevicesFollowMounts(t *testing.T) {
	p, err := Load(LoadOptions{Profiles: []string{"9p"}})
	if err != nil {
		t.Fatal(err)
	}
	m := &movingMachine{}
	tree, err := p.Tree(m)
	if err != nil {
		t.Fatal(err)
	}
	if tree.Lookup("/dev/shim12") != nil {
		t.Error("a device without a mount")
	}
	m.mounts = gvisorMounts
	node := tree.Lookup("/dev/shim12")
	if node == nil || node.Mode != fs.ModeDevice|0o660 || node.Rdev != unix.Mkdev(0, 12) {
		t.Errorf("%+v", node)
	}
	if link := tree.Lookup("/sys/dev/block/0:12"); link == nil || link.Target != "../../devices/virtual/block/shim12" {
		t.Errorf("%+v", link)
	}
	m.mounts = ""
	if tree.Lookup("/dev/shim12") != nil {
		t.Error("a device after its mount has gone")
	}
}

func TestDocumentTakesWrites(t *testing.T) {
	p, err := Parse("p.yaml", []byte("files: {/a: {content: hello, mode: '0644'}, /b: {content: fixed}}"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(fakeMachine(""))
	if err != nil {
		t.Fatal(err)
	}
	a := tree.Lookup("/a").Content
	for _, step := range []struct {
		data   string
		offset int64
		want   string
		err    error
	}{{"by", 0, "by", nil}, {"e!", 2, "bye!", nil}, {"x", 6, "bye!\x00\x00x", nil}, {"x", 1 << 40, "bye!\x00\x00x", unix.EFBIG}, {"x", -1, "bye!\x00\x00x", unix.EINVAL}} {
		_, err := a.Write(fakeView{}, []byte(step.data), step.offset)
		got, _ := a.Read(fakeView{})
		if !errors.Is(err, step.err) || string(got) != step.want {
			t.Errorf("%+v: %q, %v", step, got, err)
		}
	}
	if _, err := tree.Lookup("/b").Content.Write(fakeView{}, []byte("x"), 0); !errors.Is(err, unix.EACCES) {
		t.Error(err)
	}
}

func BenchmarkLookup(b *testing.B) {
	tree := mustTree(b, LoadOptions{Profiles: []string{"k3s"}})
	for _, name := range []string{"/proc/sys/kernel/panic", "/usr/bin/kubelet", "/proc/1/mountinfo", "/proc/1/stat"} {
		b.Run(strings.ReplaceAll(name[1:], "/", "-"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				tree.Lookup(name)
			}
		})
	}
}

// What "*" serves is made when it is asked for, and is the same afterwards as if
// it had been there from the start.
func TestFill(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"gvisor"}})
	if tree.Lookup("/proc/sysXkernel/panic") != nil || tree.Lookup("/proc/sys/kernel/nothing") != nil || tree.Lookup("/proc/sys/") != nil {
		t.Error("serves what it does not know")
	}
	const name = "/proc/sys/kernel/panic"
	node := tree.Lookup(name)
	if node == nil || !node.WhenMissing || node.Lie != "sysctls kernel.panic" {
		t.Fatalf("%s is %+v", name, node)
	}
	if tree.Lookup(name) != node {
		t.Error("another node at the second look: what was written to it would be lost")
	}
	listed := map[string]bool{}
	var walk func(dir string)
	walk = func(dir string) {
		for _, e := range tree.Children(dir) {
			child := strings.TrimSuffix(dir, "/") + "/" + e.Name
			if e.Node != tree.Lookup(child) {
				t.Errorf("%s: listed and found are not the same", child)
			}
			if listed[child] {
				t.Errorf("%s is listed twice", child)
			}
			listed[child] = true
			if e.Node.Mode.IsDir() {
				walk(child)
			}
		}
	}
	walk("/proc/sys")
	nodes := 0
	for _, n := range tree.Nodes() {
		if strings.HasPrefix(n.Name, "/proc/sys/") {
			nodes++
			if !listed[n.Name] || tree.Lookup(n.Name) != n {
				t.Errorf("%s is served and not listed", n.Name)
			}
		}
	}
	if nodes < len(allSysctls()) {
		t.Errorf("%d sysctls of %d", nodes, len(allSysctls()))
	}
	if named := len(tree.Named()); named > 100 {
		t.Errorf("%d nodes are named by the profile", named)
	}
	p, err := Parse("p.yaml", []byte("sysctls: {'*': {when: missing}, net.core: {type: integer, value: 1}}\n"))
	if err == nil {
		_, err = p.Tree(fakeMachine(gvisorMounts))
	}
	if err == nil || !strings.Contains(err.Error(), "/proc/sys/net/core is no directory") {
		t.Errorf("a file in the place of a directory: %v", err)
	}
	p, err = Parse("p.yaml", []byte("sysctls: {'*': {when: missing}, kernel.panic.x: {type: integer, value: 1}}\n"))
	if err == nil {
		_, err = p.Tree(fakeMachine(gvisorMounts))
	}
	if err == nil || !strings.Contains(err.Error(), "/proc/sys/kernel/panic is no directory") {
		t.Errorf("a file below a sysctl: %v", err)
	}
}
