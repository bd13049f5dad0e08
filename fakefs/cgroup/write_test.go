package cgroup

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What the kernel takes and gives is in the conformance table, where it is the
// oracle. Here are what no oracle can be asked for, and that nothing breaks.

func TestParseSet(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "0": "0", "0-3": "0-3", "3,1,2": "1-3", "0-7:2/4": "0-1,4-5", "63-64": "63-64", "all": "0-99", "N": "99", "90-N": "90-99", "all:1/50": "0,50", " 1\t2,,3 ": "1-3",
	} {
		s, err := parseSet(text, 100)
		if err != nil || s.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, s, err, want)
		}
	}
	for text, want := range map[string]error{
		"100": unix.ERANGE, "1-": unix.EINVAL, "2-1": unix.EINVAL, "x": unix.EINVAL, "0-3:2": unix.EINVAL, "0-3:5/4": unix.EINVAL, "0-3:1/0": unix.EINVAL, "99999999999999999999": unix.EOVERFLOW, "-1": unix.EINVAL, "1:1": unix.EINVAL,
	} {
		if s, err := parseSet(text, 100); err != want {
			t.Errorf("%q: %q, %v; want %v", text, s, err, want)
		}
	}
}

func TestLongWrites(t *testing.T) {
	_, hs := newFake(t)
	g := hs.Of("pids").make(t, "a")
	if err := g.put(t, "pids.max", strings.Repeat(" ", 4095)+"1"); err != nil {
		t.Error(err)
	}
	if err := g.put(t, "pids.max", strings.Repeat(" ", 4096)+"1"); err != unix.E2BIG {
		t.Errorf("more than a page: %v", err)
	}
}

func TestAgentNeedsPrivilege(t *testing.T) {
	_, hs := newFake(t)
	f := hs.Of("cpu").Root().file("release_agent")
	if _, err := f.Write(Caller{}, []byte("/bin/x\n")); err != unix.EPERM {
		t.Errorf("without CAP_SYS_ADMIN: %v", err)
	}
	if _, err := f.Write(root, []byte("/bin/x\n")); err != nil || hs.Of("cpu").Root().get(t, "release_agent") != "/bin/x\n" {
		t.Errorf("with it: %v", err)
	}
	if _, err := hs.Of("devices").Root().file("devices.deny").Write(Caller{}, []byte("a")); err != unix.EPERM {
		t.Errorf("devices.deny without it: %v", err)
	}
}

// FuzzWrite writes anything to any file of a group that has one above and one
// below it. What is refused changes nothing, and what a file says can be
// written back to it, if it can be written at all.
func FuzzWrite(f *testing.F) {
	for _, text := range []string{"1", "-1", "max", "0-1", "c 1:3 rwm", "a", "FROZEN", "1G\n", "0x10", "0-1:1/2", "b *:* m", "18446744073709551615"} {
		for i := range 20 {
			f.Add(uint8(i%7), uint8(i), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, controller, file uint8, data []byte) {
		m, hs := newFake(t)
		m.run(10, 1)
		h := hs.All()[int(controller)%len(hs.All())]
		g := h.make(t, "a", "b")
		h.make(t, "a", "b", "c")
		if h.Controller == "cpuset" {
			for _, of := range []*Group{g.parent, g} {
				_ = of.put(t, "cpuset.cpus", "0-1")
				_ = of.put(t, "cpuset.mems", "0")
			}
		}
		target := g.files[int(file)%len(g.files)]
		before, errBefore := target.Read(root)
		n, err := target.Write(root, data)
		after, errAfter := target.Read(root)
		if errBefore != errAfter {
			t.Fatalf("%s: reading gives %v, then %v", target.Name(), errBefore, errAfter)
		}
		switch {
		case err == nil && n != len(data):
			t.Errorf("%s: %d of %d bytes", target.Name(), n, len(data))
		case err != nil && string(before) != string(after):
			t.Errorf("%s: %q was refused (%v), but %q became %q", target.Name(), data, err, before, after)
		}
		switch name := target.Name(); {
		case err != nil, errAfter != nil, name == "cgroup.procs", name == "tasks", name == "memory.oom_control", name == "cpuacct.usage":
			// The last two say more than they take.
		case len(data) > 0:
			if _, err := target.Write(root, after); err != nil {
				t.Errorf("%s says %q after %q was written, and does not take it: %v", name, after, data, err)
			}
			if again, _ := target.Read(root); string(again) != string(after) {
				t.Errorf("%s: %q written back became %q", name, after, again)
			}
		}
	})
}

func FuzzParseDevice(f *testing.F) {
	f.Add("c 1:3 rwm")
	f.Add("b *:* m")
	f.Fuzz(func(t *testing.T, text string) {
		d, all, err := parseDevice(text)
		if err != nil || all {
			return
		}
		written := string(d.kind) + " " + starred(d.major) + ":" + starred(d.minor) + " " + d.access.String()
		again, _, err := parseDevice(written)
		if err != nil || again != d {
			t.Errorf("%q is %+v, as text %q, and that %+v (%v)", text, d, written, again, err)
		}
	})
}
