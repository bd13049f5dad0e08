package shim

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/shimrun/shimrun/internal/procfs"
)

const inOwnMounts = "SHIMRUN_TEST_OWN_MOUNTS"

// TestSurvived holds what is made of the territory that stood against a survey, in a
// process with mounts of its own.
func TestSurvived(t *testing.T) {
	dir := os.Getenv(inOwnMounts)
	if dir == "" {
		needsRoot(t)
		cmd := exec.Command("unshare", "--mount", "--propagation", "private", "--", os.Args[0], "-test.run=^TestSurvived$", "-test.v")
		cmd.Env = append(os.Environ(), inOwnMounts+"="+t.TempDir()) // which is not removed with what is mounted in it
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, folder := range []string{"tmpfs", "bound", "proc", "sys", "bus", "file"} {
		if err := os.Mkdir(at(folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := newShim(t, dir+"/served-here")
	mountinfo := func() []byte {
		text, err := procfs.ReadFile("/proc/self/mountinfo")
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range []struct {
		name             string
		source, at, kind string
		flags            uintptr
		survives         bool
	}{
		{"a tmpfs", "tmpfs", at("tmpfs"), "tmpfs", 0, true},
		{"a bind mount", "/usr", at("bound"), "", unix.MS_BIND, true},
		{"another procfs", "proc", at("proc"), "proc", 0, true},
		{"a part of procfs", "/proc/sys/fs", at("bus"), "", unix.MS_BIND, true},
		{"a part of another procfs", at("proc/sys/kernel"), at("file"), "", unix.MS_BIND, true},
		{"a sysfs", "sysfs", at("sys"), "sysfs", 0, true},
		{"on something in /proc", "tmpfs", "/proc/sys/fs", "tmpfs", 0, false},
		{"on a folder above what is served", "tmpfs", dir, "tmpfs", 0, false},
	} {
		was := mountinfo()
		if err := unix.Mount(c.source, c.at, c.kind, c.flags, ""); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		got, want := s.survived(was, mountinfo()), s.survey()
		if (got != nil) != c.survives {
			t.Errorf("%s: survives %v", c.name, got != nil)
		} else if got != nil && !same(got, want) {
			t.Errorf("%s: %+v, and a survey finds %+v", c.name, got, want)
		}
		s.stand(want)

		was = mountinfo()
		if err := unix.Unmount(c.at, 0); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := s.survived(was, mountinfo()); (got != nil) != c.survives {
			t.Errorf("%s, unmounted: survives %v", c.name, got != nil)
		}
		// Mounted again, for the cases after it.
		if err := unix.Mount(c.source, c.at, c.kind, c.flags, ""); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		s.stand(s.survey())
	}
}

// same compares territories whatever the order in which filesystems were found.
func same(a, b *territory) bool {
	sorted := func(t *territory) territory {
		c := t.clone()
		slices.Sort(c.devs)
		return *c
	}
	return reflect.DeepEqual(sorted(a), sorted(b))
}
