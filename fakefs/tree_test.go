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
	if err := node.Content.Write(fakeView{}, []byte("nonsense\n"), 0); !errors.Is(err, unix.EINVAL) {
		t.Errorf("writing nonsense: %v", err)
	}
}
