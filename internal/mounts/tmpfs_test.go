package mounts

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The expectations were checked against Linux 6.18 on a machine with as much memory.
func TestParseTmpfs(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{"", ""},
		{"size=64k", "size=64k"},
		{"size=65537", "size=68k"},
		{"size=1M,mode=755", "size=1024k,mode=755"},
		{"size=0x1000", "size=4k"},
		{"size=0", "size=0k"},
		{"size=50%", ""},
		{"size=25%", "size=262144k"}, {"size=1p%", "EINVAL"},
		{"nr_blocks=16,nr_inodes=1k", "size=64k,nr_inodes=1024"},
		{"mode=01777,uid=0,gid=0", ""},
		{"mode=7,uid=1000,gid=5", "mode=007,uid=1000,gid=5"},
		{"rw,noswap", "noswap"},
		{"huge=never,mpol=default,inode64", ""},
		{",,size=4k,", "size=4k"},
		{"size=x", "EINVAL"}, {"size=", "EINVAL"}, {"size=1k%", "size=10737420k"}, {"size=1kb", "EINVAL"},
		{"size", "EINVAL"}, {"mode=8", "EINVAL"}, {"uid=-1", "EINVAL"}, {"uid=4294967295", "EINVAL"},
		{"huge=maybe", "EINVAL"}, {"nonsense", "EINVAL"}, {"a=b", "EINVAL"}, {"size=99999999999999999999", "EINVAL"},
	} {
		o, err := ParseTmpfs(c.data, gigabyte)
		switch {
		case c.want == "EINVAL":
			if !errors.Is(err, unix.EINVAL) {
				t.Errorf("%q: %v", c.data, err)
			}
		case err != nil:
			t.Errorf("%q: %v", c.data, err)
		case o.String() != c.want:
			t.Errorf("%q is %q, want %q", c.data, o, c.want)
		}
	}
}

// FuzzTmpfs: whatever a program writes is refused with EINVAL or read in one
// way: what is shown reads back as the same.
func FuzzTmpfs(f *testing.F) {
	for _, data := range []string{"size=64k,mode=755,uid=1,gid=2,nr_inodes=5", "size=50%", "nr_blocks=0x10", "size=k", ",=,"} {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data string) {
		o, err := ParseTmpfs(data, gigabyte)
		if err != nil {
			if !errors.Is(err, unix.EINVAL) {
				t.Fatal(err)
			}
			return
		}
		again, err := ParseTmpfs(o.String(), gigabyte)
		if err != nil {
			t.Fatalf("%q is shown as %q: %v", data, o, err)
		}
		again.ReadOnly = o.ReadOnly
		if again != o {
			t.Fatalf("%q is shown as %q: %+v, %+v", data, o, o, again)
		}
	})
}

// FuzzMountinfo: no table that a kernel might write breaks ours.
func FuzzMountinfo(f *testing.F) {
	f.Add(machine, "/tmp/with space/x")
	f.Add(sandbox, "/dev/pts/1")
	f.Add("1 1 0:1 / / rw - a b\n2 1 0:2 / / rw - c d\n1 2 0:3 / / rw - e f\n", "/")
	f.Fuzz(func(t *testing.T, info, name string) {
		if !strings.HasPrefix(name, "/") {
			return
		}
		table := New([]byte(info))
		if out := table.AppendMountinfo(nil, []byte(info), "/"); string(out) != info {
			t.Fatalf("%q became %q", info, out)
		}
		table.Find(name)
		_ = table.Bind("/", "/mnt", unix.MS_REC)
		table.Find("/mnt" + name)
		_, _ = table.Umount("/mnt", unix.MNT_DETACH, nil)
		table.Refresh([]byte(info))
	})
}
