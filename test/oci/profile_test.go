package oci

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A pod's annotation chooses among the profiles that the administrator gave or
// allowed, or none; whatever else it says, the container is not made.
func TestProfileByAnnotation(t *testing.T) {
	engines(t) // root and runc are here
	real, err := os.ReadFile("/proc/sys/kernel/panic")
	must(t, err)
	told := map[string]string{"served": "10\n", "not served": string(real)} // as kubernetes has it
	for name, test := range map[string]struct {
		annotation string
		flags      []string
		env        string
		// want is whether the container is told the profile's sysctl, or the error.
		want string
	}{
		"allowed by nobody":       {"kubernetes", nil, "", `profile "kubernetes" is not allowed`},
		"another is given":        {"kubernetes", []string{"--profile", "9p"}, "", `profile "kubernetes" is not allowed`},
		"one of two":              {"9p,kubernetes", []string{"--allow-profile", "9p"}, "", `profile "kubernetes" is not allowed`},
		"allowed by a flag":       {"kubernetes", []string{"--profile", "9p", "--allow-profile", "gvisor,kubernetes"}, "", "served"},
		"allowed by the variable": {"kubernetes", []string{"--profile", "none"}, "SHIMRUN_ALLOW_PROFILE=kubernetes", "served"},
		"given":                   {"kubernetes", []string{"--profile", "kubernetes"}, "", "served"},
		"one of those given":      {"9p", []string{"--profile", "kubernetes,9p"}, "", "not served"},
		"less than given":         {"none", []string{"--profile", "kubernetes"}, "", "not served"},
		"no annotation":           {"", []string{"--profile", "kubernetes", "--allow-profile", "9p"}, "", "served"},
		"allowed, not chosen":     {"", []string{"--profile", "none", "--allow-profile", "kubernetes"}, "", "not served"},
		"none and one":            {"none,9p", []string{"--profile", "9p"}, "", `"none" contradicts`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []string{"delegate", "builtin"} {
				e := newEngine(t, mode)
				e.command = append(withoutProfile(e.command), test.flags...)
				dir := newBundle(t, t.TempDir(), all(script("cat /proc/sys/kernel/panic"), func(s *specs.Spec) {
					if test.annotation != "" {
						s.Annotations = map[string]string{"io.shimrun.profile": test.annotation}
					}
				}))
				cmd := e.cmd("run", "--bundle", dir, "c")
				cmd.Env = append(os.Environ(), test.env)
				r := runCommand(t, cmd)
				if value, expected := told[test.want]; expected {
					if r.stdout != value {
						t.Errorf("%s: status %d, %q, %s", mode, r.code, r.stdout, r.stderr)
					}
				} else if r.code != 1 || r.stdout != "" || !strings.Contains(strings.ReplaceAll(r.stderr, `\"`, `"`), test.want) {
					t.Errorf("%s: status %d, %q, %s; want %s", mode, r.code, r.stdout, r.stderr, test.want)
				}
				e.empty(t)
			}
		})
	}
}

// A device that the container has and may not open is the kernel's to refuse;
// one that it may open, or has not, is served.
func TestDeniedDevice(t *testing.T) {
	for _, e := range engines(t) {
		if e.name == "builtin" || e.name == "within" {
			continue // the first has no control groups to refuse with; within as delegate
		}
		e.command = append(withoutProfile(e.command), "--profile", "kubernetes")
		if e.reference {
			e.command = withoutProfile(e.command)
		}
		one, eleven := int64(1), int64(11)
		for name, test := range map[string]struct {
			allowed, has bool
			want         string
		}{
			"denied":    {false, true, "Operation not permitted"},
			"allowed":   {true, true, ""},
			"not there": {false, false, "No such file or directory"},
		} {
			dir := newBundle(t, t.TempDir(), all(script("head -n 1 /dev/kmsg >/dev/null"), func(s *specs.Spec) {
				for _, set := range []*[]string{&s.Process.Capabilities.Bounding, &s.Process.Capabilities.Permitted, &s.Process.Capabilities.Effective} {
					*set = append(slices.Clone(*set), "CAP_SYSLOG") // for the real one, by kernel.dmesg_restrict
				}
				if test.has {
					s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/kmsg", Type: "c", Major: one, Minor: eleven}}
				}
				if test.allowed {
					s.Linux.Resources.Devices = append(s.Linux.Resources.Devices,
						specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: &one, Minor: &eleven, Access: "rw"})
				}
			}))
			want := test.want
			if !test.has && !e.reference {
				want = ""
			}
			r := e.run(t, "run", "--bundle", dir, "c")
			if (r.code == 0) != (want == "") || !strings.Contains(r.stderr, want) {
				t.Errorf("%s: %s: status %d, %q; want %q", e.name, name, r.code, r.stderr, want)
			}
		}
	}
}
