package oci

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// What a bundle calls read-only cannot be written to, and what runc lets be
// written to can be: the sources have a mount of their own in them.
func TestReadOnlyMounts(t *testing.T) {
	source := t.TempDir()
	must(t, os.MkdirAll(source+"/below", 0o755))
	dir := newBundle(t, t.TempDir(), all(script(`
		for d in /ro /rro /rw /covered /tmpfs /dev; do
			for name in $d/x $d/below/x; do
				test -d ${name%/x} || continue
				touch $name 2>/dev/null && echo $name
				mkdir $name.d 2>/dev/null && echo $name.d
			done
		done
		for group in /sys/fs/cgroup/*; do mkdir $group/shimrun-read-only 2>/dev/null && echo $group; done
		grep -c '/sys/fs/cgroup/.* rw,.* - cgroup' /proc/self/mountinfo
		test -c /dev/null && test -d /tmpfs/below && echo filled`),
		func(s *specs.Spec) {
			bind := func(to string, options ...string) specs.Mount {
				return specs.Mount{Destination: to, Source: source, Options: append(options, "rbind")}
			}
			tmpfs := func(to string, options ...string) specs.Mount {
				return specs.Mount{Destination: to, Type: "tmpfs", Source: "tmpfs", Options: options}
			}
			s.Root.Readonly = true
			for i, m := range s.Mounts {
				if m.Destination == "/dev" {
					s.Mounts[i].Options = append(m.Options, "ro")
				}
			}
			s.Mounts = append(s.Mounts, bind("/ro", "ro"), bind("/rro", "rro"), bind("/rw"), bind("/covered"),
				tmpfs("/tmpfs", "ro"), tmpfs("/tmpfs/below"))
			s.Linux.ReadonlyPaths = append(s.Linux.ReadonlyPaths, "/covered")
			c := s.Process.Capabilities
			for _, set := range []*[]string{&c.Bounding, &c.Permitted, &c.Effective} {
				*set = append(*set, "CAP_DAC_OVERRIDE")
			}
		}))
	seen := map[string]string{}
	for _, e := range engines(t) {
		// The mount below the source is in a namespace of the runtime's own.
		inside := exec.Command("unshare", append([]string{"--mount", "sh", "-c", `mount -t tmpfs tmpfs "$0/below" && exec "$@"`, source},
			append(e.command, "run", "--bundle", dir, "c")...)...)
		r := runCommand(t, inside)
		seen[e.name] = fmt.Sprintf("status %d\n%s", r.code, r.stdout)
		must(t, os.RemoveAll(source+"/x"))
		must(t, os.RemoveAll(source+"/x.d"))
		e.empty(t)
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/shimrun-read-only")
	for _, group := range groups {
		t.Errorf("the machine has a group %s", group)
		_ = os.Remove(group)
	}
	for name, got := range seen {
		if want := seen["runc"]; got != want || !strings.Contains(want, "/ro/below/x\n") || strings.Contains(want, "/rro") {
			t.Errorf("%s: %s\nrunc: %s", name, got, want)
		}
	}
}

// A container of mode builtin sees its own control group, where there is cgroup v2 and a
// namespace for it; else those of others, which it cannot change where its bundle asks to
// write to them either.
func TestControlGroupsOfOthers(t *testing.T) {
	e := newEngine(t, "builtin")
	dir := newBundle(t, t.TempDir(), all(script(`
		ls /sys/fs/cgroup | grep -q . && echo seen
		[ -e /sys/fs/cgroup/cgroup.type ] && echo own
		for group in /sys/fs/cgroup/*; do mkdir $group/shimrun-of-others 2>/dev/null && echo $group; done; true`),
		func(s *specs.Spec) {
			for i, m := range s.Mounts {
				if m.Type == "cgroup" {
					s.Mounts[i].Options = []string{"rw"}
				}
			}
		}))
	r := e.run(t, "run", "--bundle", dir, "c")
	others := r.stdout == "seen\n" && strings.Contains(r.stderr, "mount /sys/fs/cgroup (cgroup) options rw (those of others are there as well)")
	if !others && r.stdout != "seen\nown\n" {
		t.Errorf("status %d, %q, %s", r.code, r.stdout, r.stderr)
	}
	groups, _ := filepath.Glob("/sys/fs/cgroup/*/shimrun-of-others")
	for _, group := range groups {
		_ = os.Remove(group)
	}
}

// No mount hides the kernel's /proc, and no link of the image leads it elsewhere:
// what is masked and read-only there would not be.
func TestMountsOverProc(t *testing.T) {
	for what, change := range map[string]func(dir string, s *specs.Spec){
		"a link in place of /proc": func(dir string, s *specs.Spec) {
			must(t, os.Mkdir(dir+"/rootfs/elsewhere", 0o755))
			must(t, os.Symlink("elsewhere", dir+"/rootfs/proc"))
		},
		"a link in place of /sys": func(dir string, s *specs.Spec) {
			must(t, os.Mkdir(dir+"/rootfs/elsewhere", 0o755))
			must(t, os.Symlink("/elsewhere", dir+"/rootfs/sys"))
		},
		"a file in place of /proc": func(dir string, s *specs.Spec) {
			must(t, os.WriteFile(dir+"/rootfs/proc", nil, 0o644))
		},
		"a tmpfs over /proc": func(dir string, s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/proc", Type: "tmpfs", Source: "tmpfs"})
		},
		"a folder over /proc": func(dir string, s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/bin/../proc", Source: dir, Options: []string{"bind"}})
		},
		"a tmpfs in /proc": func(dir string, s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/proc/sys/kernel", Type: "tmpfs", Source: "tmpfs"})
		},
		"a tmpfs in /proc through a link": func(dir string, s *specs.Spec) {
			must(t, os.Symlink("proc/sys", dir+"/rootfs/link"))
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/link", Type: "tmpfs", Source: "tmpfs"})
		},
	} {
		for _, e := range engines(t) {
			if e.name != "builtin" && strings.HasPrefix(what, "a tmpfs in /proc") {
				continue // only later versions of runc refuse it
			}
			dir := newBundle(t, t.TempDir(), nil)
			spec := readConfig(t, dir)
			spec.Process.Args = []string{"echo", "began"}
			change(dir, spec)
			writeConfig(t, dir, spec)
			if r := e.run(t, "run", "--bundle", dir, "c"); r.code == 0 || r.stdout != "" || e.name == "builtin" && !strings.Contains(r.stderr, "mount /") {
				t.Errorf("%s, %s: status %d, %q, %s", e.name, what, r.code, r.stdout, r.stderr)
			}
			e.empty(t)
		}
	}
	// What stands in for a file of /proc is allowed, and so is another /proc.
	for _, e := range engines(t) {
		dir := newBundle(t, t.TempDir(), nil)
		spec := readConfig(t, dir)
		spec.Process.Args = []string{"cat", "/proc/uptime"}
		spec.Mounts = append(spec.Mounts,
			specs.Mount{Destination: "/proc", Source: "/proc", Options: []string{"rbind"}},
			specs.Mount{Destination: "/proc/uptime", Source: dir + "/config.json", Options: []string{"bind"}})
		writeConfig(t, dir, spec)
		if r := e.run(t, "run", "--bundle", dir, "c"); r.code != 0 || !strings.Contains(r.stdout, "ociVersion") {
			t.Errorf("%s: status %d, %q, %s", e.name, r.code, r.stdout, r.stderr)
		}
		e.empty(t)
	}
}

// Without pivot_root the machine's mounts remain below the container's root. Who
// makes a user namespace in it gets no whole proc by that.
func TestNoPivotHidesTheKernel(t *testing.T) {
	for _, e := range engines(t) {
		for _, flags := range [][]string{nil, {"--no-pivot"}} {
			dir := newBundle(t, t.TempDir(), all(script(`
				ls / | grep -c rootfs; test -s /proc/keys || echo masked
				unshare -mrpf sh -c "mount -t proc none /proc && echo mounted"; true`),
				func(s *specs.Spec) {
					c := s.Process.Capabilities
					for _, set := range []*[]string{&c.Bounding, &c.Permitted} {
						*set = append(*set, "CAP_SETFCAP")
					}
				}))
			r := e.run(t, append([]string{"run", "--bundle", dir}, append(flags, "c")...)...)
			if r.code != 0 || r.stdout != "0\nmasked\n" {
				t.Logf("%s %v: status %d, %q, %s", e.name, flags, r.code, r.stdout, r.stderr)
				if e.name == "builtin" || flags == nil { // runc 1.1 mounts it
					t.Fail()
				}
			}
			if !strings.Contains(r.stderr, "mount: ") && e.name == "builtin" {
				t.Errorf("%v: nobody tried: %s", flags, r.stderr)
			}
			e.empty(t)
		}
	}
}
