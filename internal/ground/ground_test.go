package ground

import (
	"errors"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTry(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		answer Answer
		detail string
	}{
		{"holds", nil, Yes, "seen"},
		{"lacks", os.ErrNotExist, No, os.ErrNotExist.Error()},
		{"untried", untried(os.ErrPermission), Unknown, "could not be tried: permission denied"},
	} {
		got := Fact{Name: test.name, try: func() (string, error) { return "seen", test.err }}.Try()
		if got.Answer != test.answer || got.Detail != test.detail {
			t.Errorf("%s: got %q (%s), want %q (%s)", test.name, got.Answer, got.Detail, test.answer, test.detail)
		}
	}
	if !errors.Is(untried(os.ErrPermission), os.ErrPermission) {
		t.Error("an untried fact forgets its cause")
	}
}

func TestTryByName(t *testing.T) {
	got := map[string]Answer{}
	for _, f := range Try("file:/proc/self/status", "file:/no/such", "sysctl:kernel.hostname", "sysctl:kernel/no_such", "no-such-fact", "file:/no/such") {
		if _, twice := got[f.Name]; twice {
			t.Errorf("%s was tried twice", f.Name)
		}
		got[f.Name] = f.Answer
	}
	if diff := cmp.Diff(map[string]Answer{
		"file:/proc/self/status": Yes, "file:/no/such": No,
		"sysctl:kernel.hostname": Yes, "sysctl:kernel/no_such": No,
		"no-such-fact": Unknown,
	}, got); diff != "" {
		t.Error(diff)
	}
}

func TestFactsAreNamedOnce(t *testing.T) {
	var names []string
	for _, f := range Facts {
		if slices.Contains(names, f.Name) {
			t.Errorf("%s stands twice in Facts", f.Name)
		}
		if f.Means == "" {
			t.Errorf("%s does not say what it means", f.Name)
		}
		names = append(names, f.Name)
	}
}

// Probing must not leave traces: doctor runs on machines at work.
func TestMountProbeLeavesNothing(t *testing.T) {
	before, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Skip(err)
	}
	t.Log(coverProc())
	t.Log(separateMounts())
	t.Log(shareMounts())
	after, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(before), string(after)); diff != "" {
		t.Errorf("the mounts of this machine changed:\n%s", diff)
	}
}

func TestParseRoot(t *testing.T) {
	for name, test := range map[string]struct {
		info string
		want Root
	}{
		"linux":   {"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n", Root{"ext4", "/dev/sda1"}},
		"gvisor":  {"8 8 0:8 / / rw  - 9p none rw,trans=fd\n9 8 0:9 / /proc rw  - proc none rw\n", Root{"9p", "none"}},
		"covered": {"1 1 0:1 / / rw - rootfs rootfs rw\n22 1 8:1 / / rw - ext4 /dev/sda1 rw\n", Root{"ext4", "/dev/sda1"}},
		"nothing": {"", Root{}},
		"garbage": {"1 2 3\n- - - - / -\n", Root{}},
	} {
		if got := parseRoot(test.info); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestCapabilities(t *testing.T) {
	if diff := cmp.Diff([]string{"CAP_CHOWN", "CAP_SYS_ADMIN"}, capabilities("0000000000200001")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"CAP_63"}, capabilities("8000000000000000")); diff != "" {
		t.Error(diff)
	}
	if got := capabilities("no number"); len(got) != 0 {
		t.Error(got)
	}
}

// BenchmarkTry shows what --profile auto adds to a start.
func BenchmarkTry(b *testing.B) {
	for _, fact := range Facts {
		b.Run(fact.Name, func(b *testing.B) {
			for b.Loop() {
				fact.Try()
			}
		})
	}
}
