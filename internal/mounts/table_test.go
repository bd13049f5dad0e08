package mounts

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// machine is a small Linux, with a shared root as systemd makes it.
const machine = `21 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
22 21 0:20 / /proc rw,nosuid,nodev,noexec,relatime shared:2 - proc proc rw
23 21 0:21 / /tmp rw shared:3 - tmpfs tmpfs rw,size=100k,inode64
24 23 0:22 /data /tmp/with\040space ro - xfs /dev/vdb rw
`

// sandbox is old gVisor, whose root is its own parent and which writes two spaces.
const sandbox = `8 8 0:8 / / rw  - 9p none rw,trans=fd,aname=/
9 8 0:6 / /dev rw  - tmpfs none rw,mode=0755
13 9 0:12 / /dev/pts rw  - devpts none rw
`

const gigabyte = 1 << 30

func tmpfs(t *testing.T, table *Table, target, backing string) *Mount {
	t.Helper()
	o, err := ParseTmpfs("size=1m", gigabyte)
	if err != nil {
		t.Fatal(err)
	}
	return table.Tmpfs(target, "none", backing, 0, o)
}

func found(table *Table, name string) string {
	m, real := table.Find(name)
	return fmt.Sprintf("%s: %s on %s", name, real, m.Point)
}

func TestFind(t *testing.T) {
	table := New([]byte(sandbox))
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check := func(name, want string) {
		t.Helper()
		if got := found(table, name); got != name+": "+want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	check("/", "/ on /")
	check("/dev/pts/0", "/dev/pts/0 on /dev/pts")
	check("/devices", "/devices on /")
	if table.Virtual() || table.Redirects() {
		t.Error("nothing is mounted yet")
	}
	tmpfs(t, table, "/a/b", "/a/b")
	if !table.Virtual() || table.Redirects() {
		t.Error("a tmpfs that is its own folder redirects nothing")
	}
	check("/a/b/c", "/a/b/c on /a/b")
	must(table.Bind("/src", "/a", 0))
	check("/a/b/c", "/src/b/c on /a") // the tmpfs is covered now
	check("/a", "/src on /a")
	tmpfs(t, table, "/a", "/hidden")
	check("/a/b", "/hidden/b on /a")
	_, err := table.Umount("/a", 0, nil)
	must(err)
	check("/a/b/c", "/src/b/c on /a")
	must(table.Bind("/a/x", "/dev/pts", 0))
	check("/dev/pts/0", "/src/x/0 on /dev/pts")
	must(table.Bind("/", "/root", 0))
	check("/root/etc", "/etc on /root")
	check("/root/a/b", "/a/b on /root") // not recursive: below the mounts
	must(table.Bind("/", "/deep", unix.MS_REC))
	check("/deep/dev/null", "/dev/null on /deep/dev")
	check("/deep/a/b", "/src/b on /deep/a")
	if m := table.Holder("/a/b/c"); m == nil || m.Point != "/a/b" {
		t.Errorf("holder of /a/b/c: %v", m)
	}
	if m := table.Holder("/src/b"); m != nil {
		t.Errorf("holder of /src/b: %v", m)
	}
}

func TestUmount(t *testing.T) {
	table := New([]byte(sandbox))
	tmpfs(t, table, "/m", "/m")
	tmpfs(t, table, "/m/in", "/m/in")
	for _, c := range []struct {
		target string
		flags  int
		busy   bool
		want   error
		gone   int
	}{
		{"/", 0, false, unix.EPERM, 0},
		{"/dev", unix.MNT_DETACH, false, unix.EPERM, 0},
		{"/m/x", 0, false, unix.EINVAL, 0},
		{"/nothing", 0, false, unix.EINVAL, 0},
		{"/m", 0, false, unix.EBUSY, 0},
		{"/m/in", 0, true, unix.EBUSY, 0},
		{"/m/in", unix.MNT_EXPIRE | unix.MNT_FORCE, false, unix.EINVAL, 0},
		{"/m/in", unix.MNT_EXPIRE, true, unix.EBUSY, 0},
		{"/m/in", unix.MNT_EXPIRE, false, unix.EAGAIN, 0},
		{"/m/in", unix.MNT_EXPIRE, false, nil, 1},
		{"/m", 0, true, unix.EBUSY, 0},
		{"/m", unix.MNT_DETACH, true, nil, 1},
		{"/m", 0, false, unix.EINVAL, 0},
	} {
		gone, err := table.Umount(c.target, c.flags, func(*Mount) bool { return c.busy })
		if !errors.Is(err, c.want) && err != c.want || len(gone) != c.gone {
			t.Errorf("%s %#x: %v, %d gone; want %v, %d", c.target, c.flags, err, len(gone), c.want, c.gone)
		}
	}
}

func TestPropagate(t *testing.T) {
	table := New([]byte(sandbox))
	for _, flags := range []uintptr{unix.MS_SHARED | unix.MS_PRIVATE, unix.MS_SHARED | unix.MS_RDONLY, unix.MS_REC} {
		if err := table.Propagate("/", flags); err != unix.EINVAL {
			t.Errorf("%#x: %v", flags, err)
		}
	}
	if err := table.Propagate("/etc", unix.MS_SHARED); err != unix.EINVAL {
		t.Errorf("no mount point: %v", err)
	}
	if err := errors.Join(table.Bind("/k", "/k", 0), table.Propagate("/k", unix.MS_SHARED|unix.MS_REC), table.Bind("/k", "/peer", 0)); err != nil {
		t.Fatal(err)
	}
	// What is mounted on one peer is on the other.
	m := tmpfs(t, table, "/k/pod", "/k/pod")
	if m.Group == 0 {
		t.Error("a mount on a shared one is shared")
	}
	if at := table.At("/peer/pod"); at == nil || at.Super != m.Super || at.Backing != "/k/pod" || at.Group != m.Group {
		t.Errorf("on the peer: %+v", at)
	}
	// A slave receives, and does not send.
	if err := table.Propagate("/peer", unix.MS_SLAVE); err != nil {
		t.Fatal(err)
	}
	tmpfs(t, table, "/k/second", "/k/second")
	if at := table.At("/peer/second"); at == nil || at.Group != 0 || at.Master == 0 {
		t.Errorf("on the slave: %+v", at)
	}
	tmpfs(t, table, "/peer/third", "/elsewhere")
	if at := table.At("/k/third"); at != nil {
		t.Errorf("from the slave: %+v", at)
	}
	// And away it goes from both.
	if _, err := table.Umount("/k/second", 0, nil); err != nil || table.At("/peer/second") != nil {
		t.Errorf("%v, %+v", err, table.At("/peer/second"))
	}
	if err := table.Propagate("/k", unix.MS_UNBINDABLE); err != nil {
		t.Fatal(err)
	}
	if err := table.Bind("/k/x", "/y", 0); err != unix.EINVAL {
		t.Errorf("bound an unbindable mount: %v", err)
	}
	if at := table.At("/peer"); at.Master != 0 {
		t.Errorf("the slave of nobody: %+v", at)
	}
}

func TestRemount(t *testing.T) {
	table := New([]byte(machine))
	if err := table.Remount("/etc", unix.MS_REMOUNT, "", gigabyte, 0); err != unix.EINVAL {
		t.Errorf("no mount point: %v", err)
	}
	m := tmpfs(t, table, "/m", "/m")
	if err := table.Bind("/m", "/n", 0); err != nil {
		t.Fatal(err)
	}
	if err := table.Remount("/n", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "", gigabyte, 0); err != nil {
		t.Fatal(err)
	}
	if !table.At("/n").ReadOnly() || table.At("/m").ReadOnly() || !table.ReadOnly() {
		t.Error("MS_BIND is about one mount")
	}
	if err := table.Remount("/m", unix.MS_REMOUNT, "size=4k", gigabyte, 8192); err != unix.EINVAL {
		t.Errorf("smaller than what is in it: %v", err)
	}
	if err := table.Remount("/m", unix.MS_REMOUNT|unix.MS_RDONLY, "size=2m", gigabyte, 8192); err != nil {
		t.Fatal(err)
	}
	for _, point := range []string{"/m", "/n"} {
		if s := table.At(point).Super; !s.ReadOnly || s.Tmpfs.Size != 2<<20 || s.Minor != m.Super.Minor {
			t.Errorf("%s: %+v", point, s)
		}
	}
	if err := table.Remount("/tmp", unix.MS_REMOUNT|unix.MS_RDONLY|unix.MS_NOEXEC, "", gigabyte, 0); err != nil {
		t.Fatal(err)
	}
	if m := table.At("/tmp"); !m.Kernel || !m.ReadOnly() || !m.Changed() {
		t.Errorf("%+v", m)
	}
}

// TestRefresh: the kernel's mounts come and go below ours.
func TestRefresh(t *testing.T) {
	table := New([]byte(machine))
	tmpfs(t, table, "/m", "/m")
	tmpfs(t, table, "/tmp/a", "/tmp/a")
	if err := table.Propagate("/", unix.MS_PRIVATE); err != nil {
		t.Fatal(err)
	}
	without := strings.Join(append(strings.SplitAfter(machine, "\n")[:2], "30 21 0:30 / /new rw - proc p rw\n"), "")
	table.Refresh([]byte(without))
	if table.At("/tmp/a") != nil || table.At("/tmp") != nil {
		t.Error("what stood on a mount that is gone is still there")
	}
	if table.At("/m") == nil || table.At("/new") == nil || table.At("/").Group != 0 {
		t.Error("what stays was lost")
	}
}

func TestLines(t *testing.T) {
	for name, info := range map[string]string{"machine": machine, "sandbox": sandbox} {
		table := New([]byte(info))
		if got := string(table.AppendMountinfo(nil, []byte(info), "/")); got != info {
			t.Errorf("%s: nothing is mounted, and it says\n%s", name, got)
		}
		o, err := ParseTmpfs("size=50%,mode=0700,uid=1000", gigabyte)
		if err != nil {
			t.Fatal(err)
		}
		table.Tmpfs("/var/a b", "to\tken", "/var/a b", unix.MS_NOSUID|unix.MS_NODEV, o)
		o, _ = ParseTmpfs("size=64k,nr_inodes=10", gigabyte)
		table.Tmpfs("/var/small", "small", "/var/small", unix.MS_NOATIME, o)
		if err := errors.Join(
			table.Bind("/var", "/mnt", unix.MS_REC),
			table.Propagate("/", unix.MS_SHARED),
			table.Bind("/home", "/srv", 0),
			table.Remount("/srv", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "", gigabyte, 0),
			table.Propagate("/mnt", unix.MS_UNBINDABLE),
		); err != nil {
			t.Fatal(err)
		}
		var mountsText strings.Builder
		for _, m := range parse([]byte(info)) {
			fmt.Fprintf(&mountsText, "%s %s %s rw 0 0\n", m.Super.Source, escape(m.Point), m.Super.Type)
		}
		golden(t, name+".mountinfo", table.AppendMountinfo(nil, []byte(info), "/"))
		golden(t, name+".mounts", table.AppendMounts(nil, []byte(mountsText.String()), []byte(info), "/"))
		golden(t, name+".mountstats", table.AppendMountstats(nil, nil, "/"))
		golden(t, name+".chroot.mountinfo", table.AppendMountinfo(nil, nil, "/var"))
	}
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := "testdata/" + name + ".golden"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	table := New([]byte(machine))
	tmpfs(t, table, "/m", "/m")
	if n := testing.AllocsPerRun(100, func() { table.Find("/m/a/b/c/d") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
