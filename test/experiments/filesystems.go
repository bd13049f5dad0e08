package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// probed is what of test/cadvisor's report is looked at.
type probed struct {
	Errors []string
	RootFs probedDir
	Dirs   []probedDir
}

type probedDir struct {
	Dir  string
	Info *struct {
		Device   string
		Capacity uint64
	}
	Error  string
	Statfs struct {
		Type           uint64 `json:"f_type"`
		Frsize, Blocks uint64
	}
	Mount struct{ FsType, Source string }
}

// answer is cAdvisor's, in a few words.
func (d probedDir) answer() string {
	if d.Info == nil {
		return code(d.Error)
	}
	return fmt.Sprintf("%s, %s", code(d.Info.Device), bytesOf(d.Info.Capacity))
}

func bytesOf(n uint64) string {
	switch {
	case n >= 1<<50:
		return fmt.Sprintf("%d PiB", n>>50)
	case n >= 1<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// probe asks kubelet's own cAdvisor about a directory, as kubelet asks about
// its root directory.
func (s *sandbox) probe(under, dir string) (d probedDir, log string) {
	line := strings.TrimSpace(fmt.Sprintf("%s probe --timeout 3s --root-dir %s %s", under, dir, dir))
	x := s.sh(line)
	var p probed
	if err := json.Unmarshal([]byte(x.out), &p); err != nil {
		s.r.fatal("%s: %w\n%s", line, err, x.err)
	}
	for _, d := range p.Dirs {
		if d.Dir == dir {
			if d.Error == "" && d.Info == nil && len(p.Errors) > 0 {
				d.Error = p.Errors[0] // cAdvisor did not come so far
			}
			return d, x.err
		}
	}
	s.r.fatal("%s: nothing about %s: %v\n%s", line, dir, p.Errors, x.err)
	return d, ""
}

// figures are the lies without which cAdvisor has no figures of anything in
// this sandbox; none of them is about disks.
const figures = `quirks: [statfs-enosys]
files:
  /sys/fs/cgroup/cpuacct/**/cpuacct.usage_percpu: {generate: usage_percpu, when: missing}
`

var device = regexp.MustCompile(`major: (\d+), minor: \d+`)

// filesystems lays one over a 9p folder in several ways.
func filesystems(r *run) {
	r.file("figures.yaml", figures)
	r.values["figures"] = "```yaml\n" + figures + "```"
	const under = "shimrun --profile " + inside + "/figures.yaml"
	r.head("layers", "kubelet's folder", "mountinfo says", "statfs says", "cAdvisor says", "its capacity is the disk's")
	for _, c := range []struct {
		title, prepare, under, dir string
		works, capacity            bool
	}{
		{"on the 9p root", "mkdir -p /srv/kubelet", under + " --", "/srv/kubelet", true, true},
		{"on a second 9p mount", "mkdir -p " + dataDir + "/kubelet", under + " --", dataDir + "/kubelet", false, false},
		{"a folder of the root, bound into the second 9p mount", "mkdir -p " + dataDir + "/kubelet /srv/kubelet; mount --bind /srv/kubelet " + dataDir + "/kubelet",
			under + " --", dataDir + "/kubelet", true, true},
		{"tmpfs over it", "mkdir -p " + dataDir + "/kubelet; mount -t tmpfs tmpfs " + dataDir + "/kubelet", under + " --", dataDir + "/kubelet", true, false},
		{"overlay, its upper folder on 9p", "cd " + dataDir + "; mkdir -p lower upper work kubelet; mount -t overlay overlay -o lowerdir=" + dataDir + "/lower,upperdir=" +
			dataDir + "/upper,workdir=" + dataDir + "/work kubelet", under + " --", dataDir + "/kubelet", true, true},
		{"overlay, its upper folder on tmpfs", "cd " + dataDir + "; mkdir -p lower /tmp/upper /tmp/work kubelet; mount -t overlay overlay -o lowerdir=" + dataDir +
			"/lower,upperdir=/tmp/upper,workdir=/tmp/work kubelet", under + " --", dataDir + "/kubelet", true, false},
		{"on a second 9p mount, and the lie `9p=ext4`", "mkdir -p " + dataDir + "/kubelet", under + " --fs 9p=ext4 --", dataDir + "/kubelet", true, true},
	} {
		s := r.sandbox(groundAll)
		if x := s.sh(c.prepare); x.code != 0 {
			r.fatal("%s: %s", c.prepare, x.both())
		}
		r.layer(s, c.title, c.under, c.dir, c.works, c.capacity)
		s.stop()
	}
	s := r.sandbox(groundDocker)
	s.sh("mkdir -p " + dataDir + "/kubelet")
	r.layer(s, "on a second 9p mount with Docker's capabilities, and the whole profile", "shimrun --profile kubernetes --", dataDir+"/kubelet", true, true)
	s.stop()
	fuse(r)
}

func (r *run) layer(s *sandbox, title, under, dir string, works, capacity bool) {
	d, _ := s.probe(under, dir)
	// The disk is what the host says of the folder that the mount comes from;
	// the root's is a memory filesystem of the test's own.
	size := d.Statfs.Frsize * d.Statfs.Blocks
	disk := d.Info != nil && size == d.Info.Capacity && size < 1<<50
	r.expect((d.Info != nil) == works, fmt.Sprintf("%s: cAdvisor has an answer: %v", title, works), d.answer())
	r.expect(disk == capacity, fmt.Sprintf("%s: the capacity is the disk's: %v", title, capacity), d.answer())
	r.row("layers", title, code(d.Mount.FsType+" "+d.Mount.Source), fmt.Sprintf("%#x", d.Statfs.Type),
		device.ReplaceAllString(d.answer(), "major: $1, minor: N"), yes(disk))
}

// fuse tries fuse-overlayfs.
func fuse(r *run) {
	if err := r.unpack("fuse-overlayfs", "libfuse3-3"); err != nil {
		r.fatal("%w", err)
	}
	r.head("fuse", "sandbox", "under", "`fuse-overlayfs` mounts", "reading a file through it")
	for _, g := range grounds {
		for _, under := range []string{"", "shimrun --profile gvisor -- "} {
			s := r.sandbox(g)
			s.env = nestedEnv(inside)
			s.sh("cd " + dataDir + "; mkdir -p lower upper work merged; echo text >lower/file")
			mounted := s.sh(fmt.Sprintf("cd %s; %sfuse-overlayfs -o lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work merged", dataDir, under, dataDir, dataDir, dataDir))
			outcome, read := "works", "nothing is mounted"
			if mounted.code != 0 {
				outcome = lastLine(mounted.both())
			} else {
				// A read that never comes back cannot be killed: it ends with the sandbox.
				r.did(s.label + "$ cat " + dataDir + "/merged/file")
				x := s.quietly(10*time.Second, "", "cat", dataDir+"/merged/file")
				switch {
				case x.out == "text\n":
					read = "works"
				case x.code == -1:
					read = "no answer within 10 s"
				default:
					read = lastLine(x.both())
				}
			}
			r.row("fuse", g.name, underName(under), brief(outcome), read)
			r.expect(read != "works", "no file is read through fuse-overlayfs", read)
			if under == "" {
				r.expectSays("fuse-overlayfs alone in "+g.name, outcome, "can't open /proc/sys/kernel/overflowuid")
			}
			s.stop()
		}
	}
}
