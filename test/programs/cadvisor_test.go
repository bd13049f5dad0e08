package programs

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/shimrun/shimrun/test/gvisor"
)

// probeReport is what of test/cadvisor's report is looked at.
type probeReport struct {
	OK     bool
	Errors []string
	RootFs struct {
		Info     *fsInfo
		Error    string
		Attempts int
	}
	Dirs []struct {
		Dir      string
		Info     *fsInfo
		Error    string
		Attempts int
		Statfs   struct{ Frsize, Blocks, Bavail uint64 }
		Mount    struct{ FsType, Source string }
	}
}

type fsInfo struct {
	Device              string
	Capacity, Available uint64
}

// TestCadvisor lets kubelet's own cAdvisor look at a root and a second mount
// that are 9p: without shimrun it knows neither, with it their figures are
// those of statfs.
func TestCadvisor(t *testing.T) {
	gvisor.Require(t)
	probe := filepath.Join(binaries, "probe")
	if out, err := exec.Command("../cadvisor/build", probe).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	box := gvisor.Start(t, gvisor.Options{Mounts: []string{binaries, t.TempDir() + ":/var/lib/second"}, Cgroups: true})
	ask := func(before ...string) (r probeReport, stderr string) {
		stdout, stderr, _ := box.Run(t, append(before, probe, "--timeout", "20s", "/var/lib/second")...)
		if err := json.Unmarshal([]byte(stdout), &r); err != nil {
			t.Fatalf("%v: %v\n%s\n%s", before, err, stdout, brief(stderr))
		}
		return r, stderr
	}

	r, stderr := ask()
	all := strings.Join(r.Errors, "\n") + stderr
	for _, text := range []string{
		"failed to get rootfs info: unable to find data in memory cache",
		"function not implemented",
		"could not find device",
		"/dev/kmsg: no such file or directory",
	} {
		if !strings.Contains(all, text) {
			t.Errorf("without shimrun: no %q in\n%s", text, brief(all))
		}
	}

	r, stderr = ask(filepath.Join(binaries, "shimrun"), "--profile", "kubernetes", "--")
	if !r.OK || len(r.Errors) > 0 {
		t.Errorf("with shimrun: %q\n%s", r.Errors, brief(stderr))
	}
	if r.RootFs.Info == nil || r.RootFs.Attempts != 1 {
		t.Errorf("RootFsInfo: %+v", r.RootFs)
	}
	if len(r.Dirs) < 2 {
		t.Fatalf("%d directories", len(r.Dirs))
	}
	devices := map[string]string{}
	for _, d := range r.Dirs {
		if d.Info == nil {
			t.Errorf("%s: %s", d.Dir, d.Error)
			continue
		}
		if want := d.Statfs.Frsize * d.Statfs.Blocks; d.Info.Capacity != want || want == 0 {
			t.Errorf("%s: capacity %d, statfs says %d", d.Dir, d.Info.Capacity, want)
		}
		if free, want := d.Info.Available, d.Statfs.Frsize*d.Statfs.Bavail; free < want-want/10 || free > want+want/10 {
			t.Errorf("%s: available %d, statfs says %d", d.Dir, free, want)
		}
		if d.Mount.FsType != "ext4" || d.Info.Device != d.Mount.Source {
			t.Errorf("%s: on %s, mountinfo says %+v", d.Dir, d.Info.Device, d.Mount)
		}
		if other := devices[d.Info.Device]; other != "" && other != d.Dir {
			t.Errorf("%s and %s are both on %s", d.Dir, other, d.Info.Device)
		}
		devices[d.Info.Device] = d.Dir
	}
}
