package fakefs

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/sys/mountinfo"
)

var update = flag.Bool("update", false, "write the golden files anew")

var testLies = newLies(map[string]FilesystemLie{
	"9p":  {Type: "9p", Magic: magics["9p"], Report: FilesystemReport{Type: "ext4", Magic: magics["ext4"], Source: "/dev/shim"}},
	"xfs": {Type: "xfs", Magic: magics["xfs"], Report: FilesystemReport{Type: "btrfs", Magic: magics["btrfs"], Source: "/dev/other"}},
})

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return data
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

func TestMountTables(t *testing.T) {
	for _, machine := range []string{"gvisor-old", "linux"} {
		info := testdata(t, machine+".mountinfo")
		told := testLies.appendMountinfo(nil, info)
		golden(t, machine+".mountinfo", told)
		golden(t, machine+".mounts", testLies.appendMounts(nil, testdata(t, machine+".mounts"), info))
		if bytes.Contains(told, []byte(" 9p ")) || bytes.Contains(told, []byte("trans=")) {
			t.Errorf("%s: the truth shows:\n%s", machine, told)
		}
	}
	golden(t, "linux.mountstats", testLies.appendMountstats(nil, testdata(t, "linux.mountstats"), testdata(t, "linux.mountinfo")))
	size := func(*mount) uint64 { return 4 << 30 }
	golden(t, "linux.partitions", testLies.appendPartitions(nil,
		[]byte(partitionsHeader+" 254        0  268435456 vda\n"), testdata(t, "linux.mountinfo"), size))
	golden(t, "gvisor-old.partitions", testLies.appendPartitions(nil, nil, testdata(t, "gvisor-old.mountinfo"), size))
	golden(t, "gvisor-old.diskstats", testLies.appendDiskstats(nil, nil, testdata(t, "gvisor-old.mountinfo")))
	golden(t, "gvisor-old.filesystems", testLies.appendFilesystems(nil, []byte("nodev\tproc\nnodev\t9p\n")))
}

// TestEveryDeviceHasItsSource holds what cAdvisor relies on: mounts of one
// device number share a source, and no others do.
func TestEveryDeviceHasItsSource(t *testing.T) {
	for _, machine := range []string{"gvisor-old", "linux"} {
		told := testLies.appendMountinfo(nil, testdata(t, machine+".mountinfo"))
		// Old gVisor writes two spaces; its root is its own parent.
		mounts, err := mountinfo.GetMountsFromReader(strings.NewReader(strings.ReplaceAll(string(told), "  -", " -")), nil)
		if err != nil {
			t.Fatal(err)
		}
		number := map[string][2]int{}
		for _, m := range mounts {
			if !strings.HasPrefix(m.Source, "/dev/shim") {
				continue
			}
			n := [2]int{m.Major, m.Minor}
			if old, ok := number[m.Source]; ok && old != n {
				t.Errorf("%s: %s is %v and %v", machine, m.Source, old, n)
			}
			number[m.Source] = n
		}
		if len(number) < 3 {
			t.Errorf("%s: %v", machine, number)
		}
	}
}

func TestMountinfoAllocatesOnce(t *testing.T) {
	info := testdata(t, "linux.mountinfo")
	dst := make([]byte, 0, 2*len(info))
	if n := testing.AllocsPerRun(100, func() { dst = testLies.appendMountinfo(dst[:0], info) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzMountinfo: what is no mount passes unchanged, told tables have the same
// lines, and telling twice changes nothing more.
func FuzzMountinfo(f *testing.F) {
	for _, machine := range []string{"gvisor-old", "linux"} {
		f.Add(testdata(f, machine+".mountinfo"), testdata(f, machine+".mounts"))
	}
	f.Add([]byte("1 1 0:1 / / rw - 9p \n - \n"), []byte("device a mounted on b with fstype 9p"))
	f.Fuzz(func(t *testing.T, info, mounts []byte) {
		told := testLies.appendMountinfo(nil, info)
		if bytes.Count(told, []byte("\n")) != bytes.Count(info, []byte("\n")) {
			t.Fatalf("lines: %q became %q", info, told)
		}
		if again := testLies.appendMountinfo(nil, told); !bytes.Equal(told, again) {
			t.Fatalf("%q told again is %q", told, again)
		}
		for _, m := range testLies.liedDevices(info) {
			unescape(m.point)
		}
		for _, table := range [][]byte{
			testLies.appendMounts(nil, mounts, info), testLies.appendMountstats(nil, mounts, info),
		} {
			if bytes.Count(table, []byte("\n")) != bytes.Count(mounts, []byte("\n")) {
				t.Fatalf("lines: %q became %q", mounts, table)
			}
		}
		testLies.appendFilesystems(nil, mounts)
		testLies.appendPartitions(nil, mounts, info, func(*mount) uint64 { return 1 })
		testLies.appendDiskstats(nil, mounts, info)
	})
}

func BenchmarkMountinfo(b *testing.B) {
	info := bytes.Repeat(testdata(b, "linux.mountinfo"), 100)
	dst := make([]byte, 0, 2*len(info))
	b.SetBytes(int64(len(info)))
	b.ReportAllocs()
	for b.Loop() {
		dst = testLies.appendMountinfo(dst[:0], info)
	}
}

// Types that share a magic number are told by statfs as the last of them, in every run.
func TestOneMagicManyTypes(t *testing.T) {
	all := map[string]FilesystemLie{}
	for _, typ := range []string{"ext2", "ext3", "ext4"} {
		all[typ] = FilesystemLie{Type: typ, Magic: 0xef53, Report: FilesystemReport{Type: "as " + typ}}
	}
	for range 20 { // a map's order differs each time
		if got := newLies(all).byMagic[0xef53].Report.Type; got != "as ext4" {
			t.Fatalf("told %s", got)
		}
	}
}
