package fakefs

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// TestSysctlTables holds every default against its own type: what a read
// prints must be accepted by a write, unless it is a default that cannot be chosen.
func TestSysctlTables(t *testing.T) {
	seen := map[string]bool{}
	for _, area := range []sysctls{
		kernelSysctls(), vmSysctls(), userSysctls(), fsSysctls(),
		netSysctls(), ipv4Sysctls(), ipv6Sysctls(), interfaceSysctls(),
	} {
		for path, typ := range area {
			if seen[path] {
				t.Errorf("%s stands in two tables", path)
			}
			seen[path] = true
			if !validSysctl(path) || sysctlPath(sysctlName(path)) != path {
				t.Errorf("%s is no good name", path)
			}
			switch typ.mode {
			case 0o644, 0o444, 0o600, 0o200, 0o666:
			default:
				t.Errorf("%s has mode %o", path, typ.mode)
			}
			if typ.derive != nil || unchosen[path] {
				continue
			}
			if got, err := typ.normal(typ.value); err != nil || got != typ.value {
				t.Errorf("%s: default %q: %q, %v", path, typ.value, got, err)
			}
		}
	}
	t.Logf("%d sysctls", len(seen))
}

// unchosen are sysctls whose default means "not set", and write-only triggers.
var unchosen = map[string]bool{
	"vm/dirty_bytes": true, "vm/dirty_background_bytes": true, "vm/drop_caches": true, "vm/compact_memory": true,
	"net/ipv4/ping_group_range": true,
}

// TestSysctlWrites repeats, without the kernel, what the oracle test found.
func TestSysctlWrites(t *testing.T) {
	range2 := vector(32768, 60999).between(1024, 65535).inOrder()
	for _, c := range []struct {
		typ    sysctl
		old    string
		input  string
		offset int64
		want   string
		err    error
	}{
		{integer(5), "5", "10\n", 0, "10", nil},
		{integer(5), "5", " \t10 \n", 0, "10", nil},
		{integer(5), "5", "10 20", 0, "10", nil},
		{integer(5), "5", "0x10", 0, "16", nil},
		{integer(5), "5", "010", 0, "8", nil},
		{integer(5), "5", "-0", 0, "0", nil},
		{integer(5), "5", "-7", 0, "-7", nil},
		{integer(5), "5", "+7", 0, "5", unix.EINVAL},
		{integer(5), "5", "08", 0, "5", unix.EINVAL},
		{integer(5), "5", "7x", 0, "5", unix.EINVAL},
		{integer(5), "5", "\n", 0, "5", unix.EINVAL},
		{integer(5), "5", "", 0, "5", nil},
		{integer(5), "5", "7", 1, "5", nil},
		{integer(5), "5", "x", 1, "5", nil},
		{integer(5), "5", "2147483648", 0, "5", unix.EINVAL},
		{integer(5), "5", "-2147483648", 0, "-2147483648", nil},
		{integer(5), "5", "000000000000000000001", 0, "5", unix.EINVAL},
		{integer(0).between(0, 2), "0", "3", 0, "0", unix.EINVAL},
		{octet(1), "1", "255 x", 0, "255", nil},
		{octet(1), "1", "256", 0, "1", unix.EINVAL},
		{octet(1), "1", "-0", 0, "1", unix.EINVAL},
		{long(1), "1", "18446744073709551615", 0, "18446744073709551615", nil},
		{long(1), "1", "18446744073709551616", 0, "1", unix.EINVAL},
		{vector(4, 4, 1, 7), "4\t4\t1\t7", "7", 0, "7\t4\t1\t7", nil},
		{vector(4, 4, 1, 7), "4\t4\t1\t7", "1 2 x", 0, "1\t2\t1\t7", unix.EINVAL},
		{vector(4, 4, 1, 7), "4\t4\t1\t7", "1 2 3 4 5", 0, "1\t2\t3\t4", nil},
		{range2, "32768\t60999", "2000 3000", 0, "2000\t3000", nil},
		{range2, "32768\t60999", "3000 2000", 0, "32768\t60999", unix.EINVAL},
		{range2, "32768\t60999", "2000 x", 0, "32768\t60999", unix.EINVAL},
		{text("", 8), "", "abc\ndef", 0, "abc", nil},
		{text("", 8), "abc", "XY", 1, "aXY", nil},
		{text("", 8), "abc", "XY", 4, "abc", nil},
		{text("", 8), "", "0123456789", 0, "0123456", nil},
	} {
		got, _, err := c.typ.store(c.old, []byte(c.input), c.offset)
		if got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q, write of %q at %d: got %q, %v; want %q, %v", c.old, c.input, c.offset, got, err, c.want, c.err)
		}
	}
}

func TestSysctlModesAndSharing(t *testing.T) {
	tree := mustTree(t, LoadOptions{Profiles: []string{"gvisor"}, Set: []string{"vm.swappiness=10"}})
	view := fakeView{name: "/proc/sys/kernel/shmmni", files: map[string]string{"/proc/sys/kernel/shmmni": "99\n", "/proc/stat": "btime 5\n"}}

	swappiness := tree.Lookup("/proc/sys/vm/swappiness").Content
	before, shared := swappiness.Shared()
	if !shared {
		t.Error("a set value is not shared")
	}
	if _, err := swappiness.Write(view, []byte("20"), 0); err != nil {
		t.Error(err)
	}
	if after, _ := swappiness.Shared(); after == before {
		t.Error("a write leaves the version")
	}
	if _, err := swappiness.Write(view, []byte("201"), 0); !errors.Is(err, unix.EINVAL) {
		t.Error(err)
	}
	if data, err := swappiness.Read(view); err != nil || string(data) != "20\n" {
		t.Errorf("%q, %v", data, err)
	}
	if _, err := tree.Lookup("/proc/sys/kernel/ngroups_max").Content.Write(view, []byte("1"), 0); !errors.Is(err, unix.EACCES) {
		t.Errorf("read-only: %v", err)
	}
	if _, err := tree.Lookup("/proc/sys/vm/drop_caches").Content.Read(view); !errors.Is(err, unix.EACCES) {
		t.Errorf("write-only: %v", err)
	}
	uuid := tree.Lookup("/proc/sys/kernel/random/uuid").Content
	one, _ := uuid.Read(view)
	two, _ := uuid.Read(view)
	if len(one) != 37 || string(one) == string(two) {
		t.Errorf("uuid: %q, %q", one, two)
	}
	boot := tree.Lookup("/proc/sys/kernel/random/boot_id").Content
	one, _ = boot.Read(view)
	two, _ = boot.Read(view)
	if len(one) != 37 || string(one) != string(two) {
		t.Errorf("boot_id: %q, %q", one, two)
	}
}

// TestSysctlFollowsTheHost: without a value, the real one is told until
// somebody writes, and the write never leaves the tree.
func TestSysctlFollowsTheHost(t *testing.T) {
	p, err := Parse("p.yaml", []byte("sysctls: {vm.swappiness: {when: always}, kernel.tainted: {type: host}}"))
	if err != nil {
		t.Fatal(err)
	}
	tree, err := p.Tree(fakeMachine(""))
	if err != nil {
		t.Fatal(err)
	}
	node := tree.Lookup("/proc/sys/vm/swappiness")
	real := fakeView{name: node.Name, files: map[string]string{node.Name: "33\n"}}
	for _, step := range []struct {
		view  View
		write string
		want  string
	}{{fakeView{}, "", "60\n"}, {real, "", "33\n"}, {real, "44", "44\n"}, {fakeView{}, "", "44\n"}} {
		if step.write != "" {
			if _, err := node.Content.Write(step.view, []byte(step.write), 0); err != nil {
				t.Error(err)
			}
		}
		if data, err := node.Content.Read(step.view); err != nil || string(data) != step.want {
			t.Errorf("%+v: %q, %v", step, data, err)
		}
	}
}

func TestUnameIsOneStory(t *testing.T) {
	tree := mustTree(t, LoadOptions{Set: []string{"kernel.osrelease=6.1.0-told", "kernel.hostname=node1"}})
	if u := tree.Uname(); u.Release != "6.1.0-told" || u.Nodename != "node1" || u.Version != "" {
		t.Errorf("%+v", u)
	}
	if _, err := tree.Lookup("/proc/sys/kernel/hostname").Content.Write(fakeView{}, []byte("node2\n"), 0); err != nil {
		t.Error(err)
	}
	if u := tree.Uname(); u.Nodename != "node2" {
		t.Errorf("%+v", u)
	}
	files := map[string]string{"/proc/version": "Linux version 4.4.0 (me@here) (gcc (Debian)) #1 SMP\n"}
	if got := read(t, tree, "/proc/version", files); !strings.HasPrefix(got, "Linux version 6.1.0-told (me@here) (gcc (Debian)) #") {
		t.Errorf("version: %q", got)
	}
}

func TestSysctlsTakeManyWriters(t *testing.T) {
	tree := mustTree(t, LoadOptions{Set: []string{"kernel.printk=1 1 1 1"}})
	content := tree.Lookup("/proc/sys/kernel/printk").Content
	var group sync.WaitGroup
	for _, word := range []string{"2 2 2 2", "3 3 3 3", "4 4 4 4"} {
		group.Go(func() {
			for range 200 {
				if _, err := content.Write(fakeView{}, []byte(word), 0); err != nil {
					t.Error(err)
				}
				data, err := content.Read(fakeView{})
				if fields := strings.Fields(string(data)); err != nil || len(fields) != 4 || fields[0] != fields[3] {
					t.Errorf("%q, %v", data, err)
				}
			}
		})
	}
	group.Wait()
}

// FuzzSysctlWrite: whatever is written, the value stays one that the sysctl
// accepts, and an accepted value is stored as it reads.
func FuzzSysctlWrite(f *testing.F) {
	types := []sysctl{integer(1), octet(1), long(1), seconds(3), vector(1, 2, 3), longs(1, 2), text("x", 16),
		vector(32768, 60999).between(1024, 65535).inOrder()}
	for i := range types {
		for _, input := range writeInputs {
			f.Add(uint8(i), input, int64(0))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, input string, offset int64) {
		if offset < 0 {
			return // the kernel refuses before any handler sees it
		}
		typ := types[int(which)%len(types)]
		got, _, err := typ.store(typ.value, []byte(input), offset)
		if err != nil && !errors.Is(err, unix.EINVAL) {
			t.Fatal(err)
		}
		if again, err := typ.normal(got); err != nil || again != got {
			t.Fatalf("%q left %q, which reads back as %q, %v", input, got, again, err)
		}
	})
}

// A sysctl is found in the table of its area, without making the others.
func TestKnown(t *testing.T) {
	all := allSysctls()
	if len(all) < 800 {
		t.Errorf("%d sysctls", len(all))
	}
	sum := len(interfaceSysctls())
	for _, area := range areas {
		sum += len(area.table())
	}
	if sum != len(all) {
		t.Errorf("%d sysctls in all tables, %d names: some are in two", sum, len(all))
	}
	for path, want := range all {
		got, ok := known(path)
		want.derive, got.derive = nil, nil // functions cannot be compared
		if !ok || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: known as %+v, %t, and listed as %+v", path, got, ok, want)
		}
	}
	for _, path := range []string{"", "vm", "vm/nothing", "net/ipv4/conf/eth7/forwarding", "net/ipv4/conf/all", "net/ipv6/conf/all/nothing", "kernel/"} {
		if s, ok := known(path); ok {
			t.Errorf("%q is known as %+v", path, s)
		}
	}
}
