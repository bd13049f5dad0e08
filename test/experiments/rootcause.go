package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// place is a line of somebody else's source.
type place struct{ module, file, line, what string }

var places = []place{
	{"k8s.io/kubernetes", "pkg/kubelet/cm/container_manager_linux.go", `return fmt.Errorf("failed to get rootfs info: %v", err)`, "where kubelet ends"},
	{"k8s.io/kubernetes", "pkg/kubelet/cadvisor/cadvisor_linux.go", `return cc.GetDirFsInfo(cc.rootPath)`, "it asks for the disk under its own folder, not under `/`"},
	{"github.com/google/cadvisor", "manager/manager.go", `device, err := m.fsInfo.GetDirFsDevice(dir)`, "**first question**: which device is it on?"},
	{"github.com/google/cadvisor", "fs/fs.go", `supportedFsType := map[string]bool{`, "the types that count; 9p is none of them"},
	{"github.com/google/cadvisor", "fs/fs.go", `if _, ok := partitions[mnt.Source]; ok {`, "and of mounts with one source only the first"},
	{"github.com/google/cadvisor", "fs/fs.go", `i.partitions[m.Source] = partition{`, "but `/` counts whatever its type is"},
	{"github.com/google/cadvisor", "fs/fs.go", `return nil, fmt.Errorf("with major: %d, minor: %d: %w", major, minor, ErrDeviceNotInPartitionsMap)`, "no device: the first error"},
	{"github.com/google/cadvisor", "manager/manager.go", `infos, err := m.GetFsInfo("")`, "**second question**: what are its figures?"},
	{"github.com/google/cadvisor", "manager/manager.go", `stats, err := m.memoryCache.RecentStats("/", empty, empty, 1)`, "they hang on those of the root cgroup"},
	{"github.com/google/cadvisor", "cache/memory/memory.go", `return ErrDataNotFound`, "none: the second error"},
	{"github.com/google/cadvisor", "manager/container.go", `stats, statsErr := cd.handler.GetStats()`, "which come from all cgroup files, or not at all"},
	{"github.com/google/cadvisor", "container/libcontainer/handler.go", `if !ignoreStatsError {`, "on cgroup v1 one error is enough for none"},
	{"github.com/opencontainers/cgroups", "fs/cpuacct.go", `const file = "cpuacct.usage_percpu"`, "a file that gVisor has not"},
	{"github.com/opencontainers/cgroups", "file.go", `var errNotCgroupfs = errors.New("not a cgroup file")`, "and fstatfs has to say that it is on a cgroup filesystem"},
}

// rootCause shows the lines that decide, and turns what they decide by.
func rootCause(r *run) {
	r.head("lines", "line", "source", "what it does")
	dirs := map[string]string{}
	for _, p := range places {
		if dirs[p.module] == "" {
			cmd := execCommand([]string{"go", "list", "-m", "-f", "{{.Dir}}", p.module})
			cmd.Dir, cmd.Env = filepath.Join(r.repository, "test/cadvisor"), append(os.Environ(), "GOWORK=off")
			out, err := cmd.Output()
			if err != nil {
				r.fatal("go list %s: %w", p.module, err)
			}
			dirs[p.module] = strings.TrimSpace(string(out))
		}
		r.row("lines", code(fmt.Sprintf("%s/%s:%d", filepath.Base(dirs[p.module]), p.file, r.lineOf(dirs[p.module], p))), code(p.line), p.what)
	}
	cadvisor := dirs["github.com/google/cadvisor"]
	for _, gone := range []string{"GetRootFsInfo", `"9p"`} {
		found, _ := execCommand([]string{"grep", "-rlF", "--include=*.go", gone, cadvisor}).Output()
		r.expect(len(found) == 0, "cAdvisor's source has no "+gone, string(found))
	}
	r.conditions()
	r.types()
}

// lineOf finds a line that must stand once in its file.
func (r *run) lineOf(dir string, p place) int {
	text, err := os.ReadFile(filepath.Join(dir, p.file))
	if err != nil {
		r.fatal("%w", err)
	}
	found := 0
	for i, line := range strings.Split(string(text), "\n") {
		if strings.TrimSpace(line) == p.line {
			if found != 0 {
				r.fatal("%s: %q stands twice", p.file, p.line)
			}
			found = i + 1
		}
	}
	if found == 0 {
		r.fatal("%s: there is no %q any more", p.file, p.line)
	}
	return found
}

// conditions turns one condition after the other back.
func (r *run) conditions() {
	const (
		percpu = "/sys/fs/cgroup/cpuacct/**/cpuacct.usage_percpu: {generate: usage_percpu, when: missing}"
		quirk  = "statfs-enosys"
	)
	second := dataDir + "/kubelet"
	r.head("conditions", "what is told", "folder", "cAdvisor says", "its log says")
	for i, c := range []struct {
		title, dir           string
		quirks, files, kinds []string
		says                 string
	}{
		{"all three", second, []string{quirk}, []string{percpu}, []string{"9p"}, ""},
		{"all but `cpuacct.usage_percpu`", second, []string{quirk}, nil, []string{"9p"}, "unable to find data in memory cache"},
		{"all but fstatfs of cgroup files", second, nil, []string{percpu}, []string{"9p"}, "unable to find data in memory cache"},
		{"all but 9p as ext4", second, []string{quirk}, []string{percpu}, nil, "could not find device in cached partitions map"},
		{"all but 9p as ext4", "/srv", []string{quirk}, []string{percpu}, nil, ""},
		{"nothing but 9p as ext4", "/srv", nil, nil, []string{"9p"}, "unable to find data in memory cache"},
	} {
		name := fmt.Sprintf("condition-%d.yaml", i)
		r.file(name, profile(c.quirks, c.files, c.kinds))
		s := r.sandbox(groundAll)
		s.sh("mkdir -p " + second)
		d, log := s.probe("shimrun --profile "+inside+"/"+name+" --", c.dir)
		s.stop()
		r.row("conditions", c.title, code(c.dir), device.ReplaceAllString(d.answer(), "major: $1, minor: N"), code(because(log)))
		if c.says == "" {
			r.expect(d.Info != nil, c.title+", "+c.dir+": cAdvisor has an answer", d.answer())
		} else {
			r.expectSays(c.title+", "+c.dir, d.answer(), c.says)
		}
	}
}

// types tells the second 9p mount as each of some types: nothing else changes.
func (r *run) types() {
	r.file("figures.yaml", figures)
	r.head("types", "9p is told as", "cAdvisor says")
	s := r.sandbox(groundAll)
	dir := dataDir + "/kubelet"
	s.sh("mkdir -p " + dir)
	for _, c := range []struct {
		kind  string
		works bool
	}{
		{"ext4", true}, {"ext2", true}, {"xfs", true}, {"btrfs", true}, {"overlay", true}, {"nfs", true}, {"zfs", true},
		{"f2fs", false}, {"vfat", false}, {"fuse", false}, {"ceph", false},
	} {
		d, _ := s.probe("shimrun --profile "+inside+"/figures.yaml --fs 9p="+c.kind+" --", dir)
		r.row("types", c.kind, device.ReplaceAllString(d.answer(), "major: $1, minor: N"))
		r.expect((d.Info != nil) == c.works, fmt.Sprintf("9p as %s has an answer: %v", c.kind, c.works), d.answer())
	}
	s.stop()
}
