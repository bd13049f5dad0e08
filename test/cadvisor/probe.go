package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/cadvisor/fs"
	cadvisorapi "github.com/google/cadvisor/info/v1"
	cadvisorapiv2 "github.com/google/cadvisor/info/v2"
	"github.com/google/cadvisor/utils/oomparser"
	"k8s.io/kubernetes/pkg/kubelet/cadvisor"
)

// interval is how long to wait between two attempts. cAdvisor has no way to
// tell when its first statistics are in.
const interval = 250 * time.Millisecond

// Report is the JSON document. Errors holds every error once, in the order in
// which they came and in kubelet's words; those of the steps that only make
// kubelet complain are there too and do not clear OK.
type Report struct {
	OK      bool                     `json:"ok"`
	Errors  []string                 `json:"errors"`
	New     Step                     `json:"new"`
	OOM     Step                     `json:"oomWatcher"`
	Start   Step                     `json:"start"`
	Stats   Step                     `json:"rootStats"`
	RootFs  Answer                   `json:"rootFs"`
	Dirs    []Directory              `json:"dirs"`
	Known   []cadvisorapiv2.FsInfo   `json:"filesystems"`
	Machine *cadvisorapi.MachineInfo `json:"machine"`
	Version *cadvisorapi.VersionInfo `json:"version"`
}

// Step is a call that either works or does not. Seconds is measured from the
// beginning to the end of the call.
type Step struct {
	Tried   bool    `json:"tried"`
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
}

// Answer is what cAdvisor said of a filesystem. Kubelet asks only once, so an
// answer that took more than one attempt would have stopped a kubelet that
// was no slower than probe: FirstError is what that kubelet would have said.
type Answer struct {
	Dir        string                `json:"dir"`
	Info       *cadvisorapiv2.FsInfo `json:"info,omitempty"`
	Error      string                `json:"error,omitempty"`
	FirstError string                `json:"firstError,omitempty"`
	Attempts   int                   `json:"attempts"`
}

// Directory is an answer beside what the kernel says of the same directory.
type Directory struct {
	Answer
	Kernel
}

func probe(opts options) *Report {
	r := &Report{Errors: []string{}, Known: []cadvisorapiv2.FsInfo{}}
	defer removeIfMissing(opts.rootDir)()

	r.RootFs.Dir = opts.rootDir
	for _, dir := range opts.dirs {
		r.Dirs = append(r.Dirs, Directory{Answer: Answer{Dir: dir}, Kernel: look(dir)})
	}

	var ca cadvisor.Interface
	r.step(&r.New, "%v", func() (err error) {
		ca, err = cadvisor.New(
			cadvisor.NewImageFsInfoProvider(opts.runtimeEndpoint), opts.rootDir, opts.cgroupRoots,
			cadvisor.UsingLegacyCadvisorStats(opts.runtimeEndpoint), true)
		return err
	})
	// kubelet's OOM watcher is this call and a loop over what it delivers. It
	// is tried even when New failed because it does not depend on it.
	r.step(&r.OOM, "failed to create an oomWatcher: %v", func() error {
		_, err := oomparser.New()
		return err
	})
	if r.New.Error != "" {
		return r
	}
	var err error
	if r.Machine, err = ca.MachineInfo(); err != nil {
		r.fail("failed to get machine info: %v", err)
	}
	if r.Version, err = ca.VersionInfo(); err != nil {
		r.fail("failed to get version info: %v", err)
	}
	r.step(&r.Start, "Failed to start cAdvisor: %v", ca.Start)
	if r.Start.Error != "" {
		return r
	}
	r.ask(ca, opts.timeout)
	return r
}

// ask repeats what failed until the time is over. A question that has been
// answered for good is not asked again.
func (r *Report) ask(ca cadvisor.Interface, timeout time.Duration) {
	deadline := time.Now().Add(timeout)
	for {
		r.Stats.try(func() error { return collect(ca) })
		r.RootFs.try(ca.RootFsInfo)
		final := r.RootFs.final()
		r.OK = r.RootFs.Info != nil
		for i := range r.Dirs {
			d := &r.Dirs[i].Answer
			d.try(func() (cadvisorapiv2.FsInfo, error) { return ca.GetDirFsInfo(d.Dir) })
			final = final && d.final()
			r.OK = r.OK && d.Info != nil
		}
		if final || !time.Now().Before(deadline) {
			break
		}
		time.Sleep(interval)
	}

	if r.Stats.Error != "" {
		r.fail("failed to get cgroup stats for %q: %s", "/", r.Stats.Error)
	}
	if r.RootFs.Error != "" {
		r.fail("failed to get rootfs info: %s", r.RootFs.Error)
	}
	for _, d := range r.Dirs {
		if d.Answer.Error != "" {
			r.fail("Failed to get the info of the filesystem with mountpoint %q: %s", d.Dir, d.Answer.Error)
		}
	}
	if c, ok := ca.(interface {
		GetFsInfo(label string) ([]cadvisorapiv2.FsInfo, error)
	}); ok {
		if known, err := c.GetFsInfo(""); err == nil {
			r.Known = known
		}
	}
}

// collect makes cAdvisor read the statistics of the root cgroup now. It is
// what kubelet's GetCgroupStats("/", true) comes down to, whose error kubelet
// ignores; but without it the memory cache stays empty, and RootFsInfo fails.
func collect(ca cadvisor.Interface) error {
	now := time.Duration(0)
	_, err := ca.ContainerInfoV2("/", cadvisorapiv2.RequestOptions{
		IdType: cadvisorapiv2.TypeName,
		Count:  2,
		MaxAge: &now,
	})
	return err
}

func (r *Report) step(s *Step, format string, f func() error) {
	if s.try(f); s.Error != "" {
		r.fail(format, s.Error)
	}
}

func (r *Report) fail(format string, args ...any) {
	r.Errors = append(r.Errors, fmt.Sprintf(format, args...))
}

func (s *Step) try(f func() error) {
	start := time.Now()
	s.Tried, s.Error = true, ""
	if err := f(); err != nil {
		s.Error = err.Error()
	}
	s.Seconds = time.Since(start).Seconds()
}

func (a *Answer) try(f func() (cadvisorapiv2.FsInfo, error)) {
	if a.final() {
		return
	}
	a.Attempts++
	info, err := f()
	if err != nil {
		a.Error = err.Error()
		if a.FirstError == "" {
			a.FirstError = a.Error
		}
		return
	}
	a.Info, a.Error = &info, ""
}

// final tells whether asking again can change the answer. The partitions are
// read once, in New. The manager wraps that error with %v, so only its text is
// left to know it by.
func (a *Answer) final() bool {
	return a.Info != nil || strings.Contains(a.Error, fs.ErrDeviceNotInPartitionsMap.Error())
}

// removeIfMissing returns what removes dir again if it is not there now:
// cadvisor.New makes kubelet's root directory, and a probe should leave none.
func removeIfMissing(dir string) func() {
	if _, err := os.Lstat(dir); !os.IsNotExist(err) {
		return func() {}
	}
	return func() { _ = os.Remove(dir) }
}
